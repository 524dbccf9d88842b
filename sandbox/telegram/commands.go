package telegram

import (
	"regexp"
	"strconv"
)

// A Command stands in the bot's menu.
type Command struct {
	Command     string `json:"command"` // without the slash
	Description string `json:"description"`
}

// A commandKey is where a menu is shown: the scope ("default", "all_private_chats", "chat:<id>"…)
// and the language ("" for all others).
type commandKey struct{ scope, language string }

// A profile is what the bot says about itself, each text by language ("" for all others).
type profile struct {
	commands map[commandKey][]Command
	texts    map[string]map[string]string // name, description, short_description
	menu     MenuButton
}

func newProfile() profile {
	return profile{
		commands: map[commandKey][]Command{},
		texts:    map[string]map[string]string{"name": {}, "description": {}, "short_description": {}},
		menu:     MenuButton{Type: "default"},
	}
}

var (
	commandForm  = regexp.MustCompile(`^[a-z0-9_]{1,32}$`)
	languageForm = regexp.MustCompile(`^([a-z]{2})?$`)
)

const maxCommands = 100

// commandKey reads a call's scope and language.
// https://core.telegram.org/bots/api#botcommandscope
func (s *Server) commandKey(p params) (commandKey, error) {
	var scope struct {
		Type   string `json:"type"`
		ChatID any    `json:"chat_id"`
		UserID int64  `json:"user_id"`
	}
	key := commandKey{language: p.str("language_code")}
	if err := p.decode("scope", &scope); err != nil {
		return key, err
	}
	if !languageForm.MatchString(key.language) {
		return key, badRequest("invalid language code specified")
	}
	switch key.scope = or(scope.Type, "default"); key.scope {
	case "default", "all_private_chats", "all_group_chats", "all_chat_administrators":
		return key, nil
	case "chat", "chat_administrators", "chat_member":
	default:
		return key, badRequest("can't parse BotCommandScope: unsupported type specified")
	}
	id := ""
	switch v := scope.ChatID.(type) {
	case float64:
		id = strconv.FormatInt(int64(v), 10)
	case string:
		id = v
	}
	c, err := s.knownChat(params{values: map[string]string{"chat_id": id}}, "chat_id")
	if err != nil {
		return key, err
	}
	key.scope += ":" + strconv.FormatInt(c.ID, 10)
	if scope.Type == "chat_member" {
		key.scope += ":" + strconv.FormatInt(scope.UserID, 10)
	}
	return key, nil
}

func (s *Server) setMyCommands(p params) (any, error) {
	key, err := s.commandKey(p)
	if err != nil {
		return nil, err
	}
	var list []Command
	if err := p.decode("commands", &list); err != nil {
		return nil, err
	}
	if len(list) > maxCommands {
		return nil, badRequest("BOT_COMMANDS_TOO_MUCH")
	}
	for _, c := range list {
		if !commandForm.MatchString(c.Command) {
			return nil, badRequest("BOT_COMMAND_INVALID")
		}
		if n := units(c.Description); n < 1 || n > 256 {
			return nil, badRequest("BOT_COMMAND_DESCRIPTION_INVALID")
		}
	}
	if s.profile.commands[key] = list; len(list) == 0 {
		delete(s.profile.commands, key)
	}
	s.publish(Event{Kind: EventProfile})
	return true, nil
}

func (s *Server) getMyCommands(p params) (any, error) {
	key, err := s.commandKey(p)
	if err != nil {
		return nil, err
	}
	return append([]Command{}, s.profile.commands[key]...), nil
}

func (s *Server) deleteMyCommands(p params) (any, error) {
	key, err := s.commandKey(p)
	if err != nil {
		return nil, err
	}
	delete(s.profile.commands, key)
	s.publish(Event{Kind: EventProfile})
	return true, nil
}

// Commands returns the menu a person sees: the chat's own, else that of private chats, else the
// default one, each first in the person's language.
// https://core.telegram.org/bots/api#determining-list-of-commands
func (s *Server) Commands(userID int64) []Command {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.chats[userID]
	if c == nil || c.user == nil {
		return nil
	}
	language := languageOf(*c.user)
	for _, scope := range []string{"chat:" + strconv.FormatInt(userID, 10), "all_private_chats", "default"} {
		for _, l := range []string{language, ""} {
			if list, ok := s.profile.commands[commandKey{scope, l}]; ok {
				return append([]Command(nil), list...)
			}
		}
	}
	return nil
}

// languageOf is the two-letter code of the person's language.
func languageOf(u User) string { return u.LanguageCode[:min(2, len(u.LanguageCode))] }

// About returns a text of the bot's profile (name, description or short_description) as a person
// of that language sees it.
func (s *Server) About(what, language string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	texts := s.profile.texts[what]
	if text := texts[language[:min(2, len(language))]]; text != "" {
		return text
	}
	return texts[""]
}

// setText is setMyName, setMyDescription and setMyShortDescription.
func (s *Server) setText(what string, limit int) method {
	return func(p params) (any, error) {
		language, text := p.str("language_code"), p.str(what)
		switch {
		case !languageForm.MatchString(language):
			return nil, badRequest("invalid language code specified")
		case units(text) > limit:
			return nil, badRequest("bot %s is too long", what)
		}
		s.profile.texts[what][language] = text
		s.publish(Event{Kind: EventProfile})
		return true, nil
	}
}

// getText is getMyName, getMyDescription and getMyShortDescription.
func (s *Server) getText(what string) method {
	return func(p params) (any, error) {
		text := s.profile.texts[what][p.str("language_code")]
		if what == "name" {
			text = or(or(text, s.profile.texts[what][""]), s.bot.FirstName)
		}
		return map[string]string{what: text}, nil
	}
}

func (s *Server) setChatMenuButton(p params) (any, error) {
	b := MenuButton{Type: "default"}
	if err := p.decode("menu_button", &b); err != nil {
		return nil, err
	}
	switch b.Type {
	case "default", "commands":
	case "web_app":
		if b.Text == "" || b.WebApp == nil || b.WebApp.URL == "" {
			return nil, badRequest("can't parse MenuButton: text and web_app are needed")
		}
	default:
		return nil, badRequest("can't parse MenuButton: unsupported type specified")
	}
	if !p.has("chat_id") {
		s.profile.menu = b
		return true, nil
	}
	c, err := s.knownChat(p, "chat_id")
	if err != nil {
		return nil, err
	}
	c.menu = b
	return true, nil
}

func (s *Server) getChatMenuButton(p params) (any, error) {
	if !p.has("chat_id") {
		return s.profile.menu, nil
	}
	c, err := s.knownChat(p, "chat_id")
	switch {
	case err != nil:
		return nil, err
	case c.menu.Type == "":
		return s.profile.menu, nil
	}
	return c.menu, nil
}
