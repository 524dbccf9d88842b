package telegram

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	_ "image/jpeg" // the formats Telegram takes as photos
	_ "image/png"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
)

const maxPhotoBytes = 10 << 20

// A file is something that was uploaded; its sizes share its bytes.
type file struct {
	id, unique string
	path       string // for /file/bot<token>/<path>
	name, kind string
	data       []byte
	width      int // of a photo
	height     int
}

// store keeps an upload under a new file id. The oldest file goes when there are too many.
func (s *Server) store(folder, name, kind string, data []byte) *file {
	s.lastFile++
	f := &file{
		id:     fmt.Sprintf("AgACAgIAAxkBAAI%06dQAC", s.lastFile),
		unique: fmt.Sprintf("AQAD%06d", s.lastFile),
		path:   fmt.Sprintf("%s/file_%d%s", folder, s.lastFile, path.Ext(name)),
		name:   name, kind: kind, data: data,
	}
	s.files[f.id] = f
	if s.fileOrder = append(s.fileOrder, f.id); len(s.fileOrder) > maxFiles {
		delete(s.files, s.fileOrder[0])
		s.fileOrder = slices.Delete(s.fileOrder, 0, 1)
	}
	return f
}

// media returns the file a call sends: uploaded under parameter, attached, or known by its id.
func (s *Server) media(p params, parameter, what string) (*file, *upload, error) {
	value := strings.TrimSpace(p.str(parameter))
	field := parameter
	if attached, ok := strings.CutPrefix(value, "attach://"); ok {
		field, value = attached, ""
	}
	if up, ok := p.files[field]; ok {
		if len(up.data) == 0 {
			return nil, nil, badRequest("file must be non-empty")
		}
		return nil, &up, nil
	}
	switch f := s.fileByID(value); {
	case f != nil:
		return f, nil, nil
	case value == "":
		return nil, nil, badRequest("there is no %s in the request", what)
	case strings.HasPrefix(value, "http://"), strings.HasPrefix(value, "https://"):
		return nil, nil, badRequest("failed to get HTTP URL content") // the sandbox reaches no other network
	default:
		return nil, nil, badRequest("wrong file identifier/HTTP URL specified")
	}
}

// photo returns the photo a call sends, as its sizes.
func (s *Server) photo(p params, parameter string) ([]PhotoSize, error) {
	f, up, err := s.media(p, parameter, "photo")
	if err != nil {
		return nil, err
	}
	if up != nil {
		if f, err = s.storePhoto(*up); err != nil {
			return nil, err
		}
	}
	if f.width == 0 {
		return nil, badRequest("can't use file of type Document as Photo")
	}
	return f.sizes(), nil
}

// storePhoto keeps an uploaded photo if it is one.
func (s *Server) storePhoto(up upload) (*file, error) {
	if len(up.data) > maxPhotoBytes {
		return nil, badRequest("file of size %d bytes is too big for a photo; the maximum size is %d bytes", len(up.data), maxPhotoBytes)
	}
	config, format, err := image.DecodeConfig(bytes.NewReader(up.data))
	if err != nil || config.Width == 0 || config.Height == 0 {
		return nil, badRequest("IMAGE_PROCESS_FAILED")
	}
	if config.Width+config.Height > 10000 || config.Width > 20*config.Height || config.Height > 20*config.Width {
		return nil, badRequest("PHOTO_INVALID_DIMENSIONS")
	}
	if _, _, err := image.Decode(bytes.NewReader(up.data)); err != nil {
		return nil, badRequest("IMAGE_PROCESS_FAILED")
	}
	f := s.store("photos", "photo."+strings.Replace(format, "jpeg", "jpg", 1), "image/"+format, up.data)
	f.width, f.height = config.Width, config.Height
	return f, nil
}

// sizes lists the photo's sizes, the largest last. Smaller ones are the same picture to be shown
// smaller: every size's id leads to the bytes that were uploaded.
func (f *file) sizes() []PhotoSize {
	var list []PhotoSize
	longest := max(f.width, f.height)
	for i, side := range []int{90, 320, 800} {
		if side < longest {
			list = append(list, PhotoSize{
				FileID: f.id + "-" + strconv.Itoa(i), FileUniqueID: f.unique + strconv.Itoa(i),
				Width: max(f.width*side/longest, 1), Height: max(f.height*side/longest, 1), FileSize: len(f.data),
			})
		}
	}
	return append(list, PhotoSize{FileID: f.id, FileUniqueID: f.unique, Width: f.width, Height: f.height, FileSize: len(f.data)})
}

// fileByID finds a file by the id of any of its sizes; the lock is held.
func (s *Server) fileByID(id string) *file {
	id, _, _ = strings.Cut(id, "-")
	return s.files[id]
}

func (s *Server) sendPhoto(p params) (any, error) {
	c, m, err := s.draft(p)
	if err != nil {
		return nil, err
	}
	if m.Caption, m.CaptionEntities, err = p.format("caption", "caption_entities", maxCaption); err != nil {
		return nil, err
	}
	if m.Photo, err = s.photo(p, "photo"); err != nil {
		return nil, err
	}
	return s.post(c, m)
}

func (s *Server) sendDocument(p params) (any, error) {
	c, m, err := s.draft(p)
	if err != nil {
		return nil, err
	}
	if m.Caption, m.CaptionEntities, err = p.format("caption", "caption_entities", maxCaption); err != nil {
		return nil, err
	}
	if m.Document, err = s.document(p, "document"); err != nil {
		return nil, err
	}
	return s.post(c, m)
}

func (s *Server) document(p params, parameter string) (*Document, error) {
	f, up, err := s.media(p, parameter, "document")
	if err != nil {
		return nil, err
	}
	if up != nil {
		f = s.store("documents", path.Base(up.name), http.DetectContentType(up.data), up.data)
	}
	return &Document{FileID: f.id, FileUniqueID: f.unique, FileName: f.name, MimeType: f.kind, FileSize: len(f.data)}, nil
}

// inputMedia is one entry of sendMediaGroup, or what editMessageMedia puts in place.
type inputMedia struct {
	Type      string          `json:"type"`
	Media     string          `json:"media"`
	Caption   string          `json:"caption"`
	ParseMode string          `json:"parse_mode"`
	Entities  json.RawMessage `json:"caption_entities"`
}

// fill puts the media into a message.
func (s *Server) fill(m *Message, in inputMedia, files map[string]upload) error {
	p := params{values: map[string]string{
		"media": in.Media, "caption": in.Caption, "parse_mode": in.ParseMode, "caption_entities": string(in.Entities),
	}, files: files}
	var err error
	if m.Caption, m.CaptionEntities, err = p.format("caption", "caption_entities", maxCaption); err != nil {
		return err
	}
	m.Photo, m.Document = nil, nil
	switch in.Type {
	case "photo":
		m.Photo, err = s.photo(p, "media")
	case "document":
		m.Document, err = s.document(p, "media")
	default:
		err = badRequest("can't parse InputMedia: the sandbox takes photo and document, not %q", in.Type)
	}
	return err
}

func (s *Server) sendMediaGroup(p params) (any, error) {
	c, draft, err := s.draft(p)
	if err != nil {
		return nil, err
	}
	var list []inputMedia
	if err := p.decode("media", &list); err != nil {
		return nil, err
	}
	if len(list) < 2 || len(list) > 10 {
		return nil, badRequest("wrong number of media in the album: 2 to 10 are needed")
	}
	var album []*Message
	for _, in := range list {
		m := draft.copy()
		m.Markup = nil
		if err := s.fill(m, in, p.files); err != nil {
			return nil, err
		}
		album = append(album, m)
	}
	group := strconv.FormatInt(s.now().UnixMicro(), 10)
	for i, m := range album {
		m.MediaGroupID = group
		if album[i], err = s.post(c, m); err != nil {
			return nil, err
		}
	}
	return album, nil
}

func (s *Server) getFile(p params) (any, error) {
	f := s.fileByID(p.str("file_id"))
	switch {
	case p.str("file_id") == "":
		return nil, badRequest("file_id not specified")
	case f == nil:
		return nil, badRequest("invalid file_id")
	}
	return map[string]any{"file_id": f.id, "file_unique_id": f.unique, "file_size": len(f.data), "file_path": f.path}, nil
}

// serveFile answers GET /file/bot<token>/<path>.
func (s *Server) serveFile(w http.ResponseWriter, r *http.Request, rest string) {
	token, name, _ := strings.Cut(rest, "/")
	if !s.rightToken(token) {
		respond(w, nil, &apiError{Code: http.StatusUnauthorized, Description: "Unauthorized"})
		return
	}
	s.mu.Lock()
	var found *file
	for _, f := range s.files {
		if f.path == name {
			found = f
		}
	}
	s.mu.Unlock()
	if found == nil || r.Method != http.MethodGet {
		respond(w, nil, &apiError{Code: http.StatusNotFound, Description: "Not Found"})
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.Itoa(len(found.data)))
	_, _ = w.Write(found.data) // the bot may be gone: nobody is left to tell
}

// File returns the bytes of an uploaded file by the id of any of its sizes.
func (s *Server) File(fileID string) ([]byte, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.fileByID(fileID)
	if f == nil {
		return nil, false
	}
	return bytes.Clone(f.data), true
}

// FileType returns the media type of an uploaded file.
func (s *Server) FileType(fileID string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.fileByID(fileID); f != nil {
		return f.kind
	}
	return ""
}
