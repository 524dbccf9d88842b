package telegram

import (
	"cmp"
	"slices"
)

// A Group is one of the groups, as the chat page lists them.
type Group struct {
	Chat
	Members []User `json:"members"` // by their ids, without the bot
}

// Groups lists the groups that the bot is in, in the order they were added.
func (s *Server) Groups() []Group {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []Group
	for _, id := range s.order {
		c := s.chats[id]
		if c.user != nil || c.blocked {
			continue
		}
		g := Group{Chat: c.Chat}
		for _, member := range c.members {
			g.Members = append(g.Members, *member)
		}
		slices.SortFunc(g.Members, func(a, b User) int { return cmp.Compare(a.ID, b.ID) })
		list = append(list, g)
	}
	return list
}
