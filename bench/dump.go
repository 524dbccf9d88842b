package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"esimbot/bench/peers/pages"
	"esimbot/catalog"
	"esimbot/esim"
	"esimbot/locales"
)

// projectRoot is the repository's folder, from the working directory upwards.
func projectRoot() (string, error) {
	at, err := os.Getwd()
	for err == nil {
		if _, err := os.Stat(filepath.Join(at, "go.mod")); err == nil {
			return at, nil
		}
		if filepath.Dir(at) == at {
			return "", errors.New("run it inside the repository")
		}
		at = filepath.Dir(at)
	}
	return "", err
}

// dump writes the catalogue and the English texts for the peers.
func dump(root, file string, s *catalog.Snapshot, l *locales.Localizer) error {
	texts, err := englishTexts(root)
	if err != nil {
		return err
	}
	c := pages.Catalogue{Texts: texts, Places: map[string]*pages.Place{}, Plans: map[string]*pages.Plan{}}
	add := func(p catalog.Place) {
		id := p.Destination.ID()
		c.Places[id] = placeOf(s, l, p)
		for _, plan := range s.Plans(id) {
			c.Plans[plan.Ref()] = planOf(l, plan)
		}
	}
	codes := make([]string, 0, len(s.Countries()))
	for _, p := range s.Countries() {
		add(p)
		codes = append(codes, p.Destination.Code)
	}
	for _, letter := range l.Letters(codes) {
		filed := pages.Letter{Letter: letter}
		for _, code := range l.Collate(codes) {
			if l.Letter(code) == letter {
				filed.Places = append(filed.Places, country(code))
			}
		}
		c.Letters = append(c.Letters, filed)
	}
	regions := slices.Clone(s.Regions())
	slices.SortStableFunc(regions, func(a, b catalog.Place) int { return len(b.Countries) - len(a.Countries) })
	for _, p := range regions {
		add(p)
		c.Regions = append(c.Regions, p.Destination.ID())
	}
	if g, ok := s.Global(); ok {
		add(g)
		c.Global = g.Destination.ID()
	}
	for _, code := range strings.Fields("TR TH US JP IT ES FR GB AE DE ID GR") { // as the shop, before its first sale
		if c.Places[country(code)] != nil && len(c.Popular) < 8 {
			c.Popular = append(c.Popular, country(code))
		}
	}
	b, err := json.Marshal(c)
	if err != nil {
		return err
	}
	return os.WriteFile(file, b, 0o600)
}

func country(code string) string { return esim.Destination{Kind: esim.Country, Code: code}.ID() }

func placeOf(s *catalog.Snapshot, l *locales.Localizer, p catalog.Place) *pages.Place {
	id := p.Destination.ID()
	place := &pages.Place{
		ID: id, Name: l.Flagged(p.Destination), Countries: names(l, p.Countries),
		Operators: p.Operators, Speeds: p.Speeds, From: p.From.Minor, Best: s.Best(id),
	}
	for _, plan := range s.Plans(id) {
		place.Plans = append(place.Plans, plan.Ref())
	}
	return place
}

func planOf(l *locales.Localizer, p esim.Plan) *pages.Plan {
	return &pages.Plan{
		Place: p.Destination.ID(), Cancels: p.Provider == esim.CloudESIM, Kind: string(p.Kind), Bytes: p.Bytes, DailyBytes: p.DailyBytes,
		ThrottleKbps: p.ThrottleKbps, FairUse: p.FairUse, Days: p.Days, VoiceMinutes: p.VoiceMinutes, SMS: p.SMS,
		Operators: p.Operators, Speeds: p.Speeds, CanTopUp: p.CanTopUp, Countries: names(l, p.Countries), Price: p.Retail.Minor,
	}
}

func names(l *locales.Localizer, codes []string) []string {
	var names []string
	for _, code := range l.Collate(codes) {
		names = append(names, l.Country(code))
	}
	return names
}

// englishTexts reads the shop's own words, plural forms as "key.form".
func englishTexts(root string) (map[string]string, error) {
	var file map[string]any
	if _, err := toml.DecodeFile(filepath.Join(root, "locales", "en.toml"), &file); err != nil {
		return nil, fmt.Errorf("read the English texts: %w", err)
	}
	texts := map[string]string{}
	for key, value := range file {
		switch v := value.(type) {
		case string:
			texts[key] = v
		case map[string]any:
			for form, text := range v {
				if s, ok := text.(string); ok {
					texts[key+"."+form] = s
				}
			}
		}
	}
	return texts, nil
}
