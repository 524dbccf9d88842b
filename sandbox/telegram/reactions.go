package telegram

import (
	"slices"
	"strings"
)

// reactions are the emoji that a bot may react with.
// https://core.telegram.org/bots/api#reactiontypeemoji
const reactions = "❤ 👍 👎 🔥 🥰 👏 😁 🤔 🤯 😱 🤬 😢 🎉 🤩 🤮 💩 🙏 👌 🕊 🤡 🥱 🥴 😍 🐳 ❤‍🔥 🌚 🌭 💯 🤣 ⚡ 🍌 🏆 💔 🤨 😐 🍓 🍾 💋 🖕 😈 😴 😭 🤓 👻 👨‍💻 👀 " +
	"🎃 🙈 😇 😨 🤝 ✍ 🤗 🫡 🎅 🎄 ☃ 💅 🤪 🗿 🆒 💘 🙉 🦄 😘 💊 🙊 😎 👾 🤷‍♂ 🤷 🤷‍♀ 😡"

// setMessageReaction puts the bot's reaction on a message, or takes it away.
// https://core.telegram.org/bots/api#setmessagereaction
func (s *Server) setMessageReaction(p params) (any, error) {
	c, err := s.target(p, "chat_id")
	if err != nil {
		return nil, err
	}
	var list []struct {
		Type  string `json:"type"`
		Emoji string `json:"emoji"`
	}
	if err := p.decode("reaction", &list); err != nil {
		return nil, err
	}
	at := slices.IndexFunc(c.messages, func(m *Message) bool { return m.ID == int(p.integer("message_id")) })
	switch {
	case at < 0:
		return nil, badRequest("message to react not found")
	case len(list) > 1:
		return nil, badRequest("REACTIONS_TOO_MANY")
	case len(list) == 1 && (list[0].Type != "emoji" || !slices.Contains(strings.Fields(reactions), list[0].Emoji)):
		return nil, badRequest("REACTION_INVALID")
	}
	m := c.messages[at].copy()
	m.Reaction = ""
	if len(list) == 1 {
		m.Reaction = list[0].Emoji
	}
	c.messages[at] = m
	s.publish(Event{Kind: EventReaction, Chat: c.ID, MessageID: m.ID, Reaction: m.Reaction})
	return true, nil
}
