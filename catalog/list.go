package catalog

// A list gathers places, each once, up to a limit.
type list struct {
	snapshot *Snapshot
	limit    int
	places   []Place
	seen     map[string]bool
}

func (l *list) add(places ...Place) {
	if l.seen == nil {
		l.seen = map[string]bool{}
	}
	for _, p := range places {
		if id := p.Destination.ID(); len(l.places) < l.limit && !l.seen[id] {
			l.seen[id] = true
			l.places = append(l.places, p)
		}
	}
}

// target lists the place of a target; for a country that isn't sold by itself what covers it.
func (l *list) target(t target) {
	if p, ok := l.snapshot.Place(t.id); ok {
		l.add(p)
		return
	}
	if t.iso != "" {
		l.add(l.snapshot.Covering(t.iso)...)
	}
}
