package handlers

import (
	"bytes"
	"context"
	"fmt"

	"github.com/go-telegram/bot"
	"github.com/go-telegram/bot/models"

	"esimbot/flows"
	"esimbot/orders"
)

// Telegram's limits on what stands in a message, in UTF-16 code units after its HTML is read.
// https://core.telegram.org/bots/api#sendmessage, #sendphoto, #answercallbackquery
const (
	textLimit    = 4096
	captionLimit = 1024
	toastLimit   = 200
)

const qrName = "esim.png"

// A spot is where a screen is to be drawn.
type spot struct {
	chat    int64
	message int    // to be changed; 0 for a new message
	photo   bool   // the message is a photo: its text is a caption
	file    string // file id of that photo
}

// show draws s at the spot: it changes the message there, or sends a new one where that can't be.
// It returns the message that shows s now. A message that shows s already is success.
func (c *Client) show(ctx context.Context, at spot, s flows.Screen) (orders.Message, error) {
	var err error
	switch {
	case at.message == 0:
		return c.send(ctx, at.chat, s)
	case !at.photo && s.Photo == nil:
		err = c.editText(ctx, at, s)
	case at.photo && s.Photo != nil && s.Photo.FileID != "" && s.Photo.FileID == at.file:
		err = c.editCaption(ctx, at, s)
	default:
		return c.send(ctx, at.chat, s) // text can't become a photo, nor the other way round
	}
	switch {
	case err == nil, failedAs(err, failUnchanged):
		return orders.Message{Chat: at.chat, ID: at.message, FileID: at.file}, nil
	case failedAs(err, failGone):
		return c.send(ctx, at.chat, s)
	default:
		return orders.Message{}, err
	}
}

func (c *Client) editText(ctx context.Context, at spot, s flows.Screen) error {
	params := &bot.EditMessageTextParams{
		ChatID: at.chat, MessageID: at.message, Text: cutHTML(s.HTML, textLimit), ParseMode: models.ParseModeHTML,
		LinkPreviewOptions: noPreview(), ReplyMarkup: keyboard(s.Rows),
	}
	return c.do(ctx, request{"editMessageText", at.chat, repeatable, callTime}, func(ctx context.Context) error {
		return c.post(ctx, "editMessageText", params, nil)
	})
}

func (c *Client) editCaption(ctx context.Context, at spot, s flows.Screen) error {
	params := &bot.EditMessageCaptionParams{
		ChatID: at.chat, MessageID: at.message, Caption: cutHTML(s.HTML, captionLimit), ParseMode: models.ParseModeHTML,
		ReplyMarkup: keyboard(s.Rows),
	}
	return c.do(ctx, request{"editMessageCaption", at.chat, repeatable, callTime}, func(ctx context.Context) error {
		_, err := c.bot.EditMessageCaption(ctx, params)
		return err
	})
}

// send sends s as a new message. After a timeout the message may have arrived all the same: who
// sends it again may send it twice, which is better than never.
func (c *Client) send(ctx context.Context, chat int64, s flows.Screen) (orders.Message, error) {
	if s.Photo != nil {
		return c.sendPhoto(ctx, chat, s)
	}
	return c.sendText(ctx, chat, 0, s)
}

// sendText sends a text, as a reply to a message where to is one.
func (c *Client) sendText(ctx context.Context, chat int64, to int, s flows.Screen) (orders.Message, error) {
	params := &bot.SendMessageParams{
		ChatID: chat, Text: cutHTML(s.HTML, textLimit), ParseMode: models.ParseModeHTML,
		LinkPreviewOptions: noPreview(), ReplyMarkup: keyboard(s.Rows), ReplyParameters: inReplyTo(to),
	}
	var sent struct {
		ID int `json:"message_id"`
	}
	err := c.do(ctx, request{"sendMessage", chat, single, callTime}, func(ctx context.Context) error {
		return c.post(ctx, "sendMessage", params, &sent)
	})
	if err != nil {
		return orders.Message{}, err
	}
	return orders.Message{Chat: chat, ID: sent.ID}, nil
}

// sendPhoto sends the photo that Telegram has already, or uploads it when it has none or has lost it.
func (c *Client) sendPhoto(ctx context.Context, chat int64, s flows.Screen) (orders.Message, error) {
	if s.Photo.FileID != "" {
		sent, err := c.sendPhotoAs(ctx, chat, s, func() models.InputFile {
			return &models.InputFileString{Data: s.Photo.FileID}
		})
		if !failedAs(err, failRefused) || s.Photo.Code.IsZero() && len(s.Photo.Image) == 0 {
			return sent, err
		}
	}
	image, err := picture(s.Photo)
	if err != nil {
		return orders.Message{}, err
	}
	return c.sendPhotoAs(ctx, chat, s, func() models.InputFile {
		// A reader serves one try.
		return &models.InputFileUpload{Filename: qrName, Data: bytes.NewReader(image)}
	})
}

func (c *Client) sendPhotoAs(ctx context.Context, chat int64, s flows.Screen, file func() models.InputFile) (orders.Message, error) {
	caption, buttons := cutHTML(s.HTML, captionLimit), keyboard(s.Rows)
	var sent *models.Message
	err := c.do(ctx, request{"sendPhoto", chat, single, uploadTime}, func(ctx context.Context) (err error) {
		sent, err = c.bot.SendPhoto(ctx, &bot.SendPhotoParams{
			ChatID: chat, Photo: file(), Caption: caption, ParseMode: models.ParseModeHTML, ReplyMarkup: buttons,
		})
		return err
	})
	if err != nil {
		return orders.Message{}, err
	}
	return orders.Message{Chat: chat, ID: sent.ID, FileID: largest(sent.Photo)}, nil
}

// picture returns the QR code of the activation code as PNG, a chart as PNG, or the provider's image
// as it is.
func picture(p *flows.Photo) ([]byte, error) {
	if p.Code.IsZero() {
		if p.Chart != nil {
			return chartPNG(p.Chart)
		}
		if len(p.Image) == 0 {
			return nil, fmt.Errorf("draw photo: neither code nor image")
		}
		return p.Image, nil
	}
	image, err := qrPNG(p.Code.Reveal())
	if err != nil {
		return nil, fmt.Errorf("draw photo: %w", err)
	}
	return image, nil
}

// largest returns the file id of a photo's largest size, which stands last.
func largest(sizes []models.PhotoSize) string {
	if len(sizes) == 0 {
		return ""
	}
	return sizes[len(sizes)-1].FileID
}

func noPreview() *models.LinkPreviewOptions {
	off := true
	return &models.LinkPreviewOptions{IsDisabled: &off}
}

// A markup is the buttons below a message. The library's sends an empty text to copy with every
// button, and is twice as large. https://core.telegram.org/bots/api#inlinekeyboardmarkup
type markup struct {
	Rows [][]button `json:"inline_keyboard"`
}

type button struct {
	Text  string      `json:"text"`
	Style flows.Style `json:"style,omitempty"`
	URL   string      `json:"url,omitempty"`
	Data  string      `json:"callback_data,omitempty"`
	Copy  *copyText   `json:"copy_text,omitempty"`
}

type copyText struct {
	Text string `json:"text"`
}

// keyboard returns the buttons below a message; nil for none, which also takes away those that
// stood there.
func keyboard(rows [][]flows.Button) models.ReplyMarkup {
	if len(rows) == 0 {
		return nil
	}
	m := &markup{Rows: make([][]button, len(rows))}
	for i, row := range rows {
		m.Rows[i] = make([]button, len(row))
		for j, b := range row {
			m.Rows[i][j] = button{Text: b.Text, Style: b.Style, URL: b.URL, Data: b.Data}
			if b.Copy != "" {
				m.Rows[i][j].Copy = &copyText{b.Copy}
			}
		}
	}
	return m
}
