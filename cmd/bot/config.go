package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"esimbot/catalog"
	"esimbot/esim"
)

// Environment is every variable of the shop, as text. The names and defaults are the contract;
// config checks them all before anything is done.
type Environment struct {
	TelegramBotToken      string `env:"TELEGRAM_BOT_TOKEN" help:"The bot's token from @BotFather."`
	TelegramAPIURL        string `env:"TELEGRAM_API_URL" default:"https://api.telegram.org" help:"Bot API server."`
	TelegramWebhookSecret string `env:"TELEGRAM_WEBHOOK_SECRET" help:"1-256 of A-Za-z0-9_-; derived from the token when empty."`
	PublicURL             string `env:"PUBLIC_URL" help:"Where the outside world reaches us; empty means long polling."`
	ListenAddr            string `env:"LISTEN_ADDR" default:":8080" help:"Address of the HTTP server."`
	MetricsAddr           string `env:"METRICS_ADDR" default:":9091" help:"Address of /metrics, or off."`
	RedisURL              string `env:"REDIS_URL" help:"Redis as go-redis parses it."`

	StripeSecretKey     string `env:"STRIPE_SECRET_KEY" help:"Stripe's secret key; a test key sells real eSIMs to admins only."`
	StripeTax           string `env:"STRIPE_TAX" default:"off" help:"on: Stripe's automatic tax, prices inclusive."`
	StripeWebhookSecret string `env:"STRIPE_WEBHOOK_SECRET" help:"One, or several with commas while rotating; else what setup got."`
	StripeAPIURL        string `env:"STRIPE_API_URL" default:"https://api.stripe.com" help:"Stripe's API server."`

	CloudESIMToken string `env:"CLOUDESIM_API_TOKEN" help:"Turns CloudeSIM on."`
	CloudESIMURL   string `env:"CLOUDESIM_API_URL" default:"https://api.cloud-esim.com/api/v1" help:"CloudeSIM's API."`
	MobilexyKey    string `env:"MOBILEXY_API_KEY" help:"Turns Mobilexy on."`
	MobilexyURL    string `env:"MOBILEXY_API_URL" default:"https://mobilexy.com/api" help:"Mobilexy's API."`

	AdminIDs      string `env:"ADMIN_IDS" help:"Numeric Telegram user ids, with commas."`
	SupportChatID string `env:"SUPPORT_CHAT_ID" help:"Where alerts go; empty: to every admin."`

	PriceCurrency      string `env:"PRICE_CURRENCY" default:"USD" help:"What customers pay in."`
	PriceRate          string `env:"PRICE_RATE" default:"1" help:"Units of PRICE_CURRENCY for one USD."`
	PriceMarkupPercent string `env:"PRICE_MARKUP_PERCENT" default:"30" help:"Markup on the wholesale price."`
	PriceFixedFee      string `env:"PRICE_FIXED_FEE" default:"0" help:"In PRICE_CURRENCY, added after the markup."`
	PriceRoundUpTo     string `env:"PRICE_ROUND_UP_TO" default:"0.01" help:"Prices are rounded up to a multiple of this."`

	CatalogRefresh    string `env:"CATALOG_REFRESH" default:"6h" help:"Time between two looks at the providers' catalogues."`
	UsagePollMin      string `env:"USAGE_POLL_MIN" default:"2h" help:"Least time between two looks at one eSIM."`
	UsagePollMax      string `env:"USAGE_POLL_MAX" default:"24h" help:"Most time between two looks at one eSIM."`
	LowDataPercent    string `env:"LOW_DATA_PERCENT" default:"20,5" help:"Percent left at which top-ups are offered."`
	ExpiryNotice      string `env:"EXPIRY_NOTICE" default:"24h" help:"How long before the end a reminder goes out."`
	QuietHours        string `env:"QUIET_HOURS" default:"22-08" help:"Hours at the destination without offers, or off."`
	BalanceAlert      string `env:"BALANCE_ALERT" default:"20" help:"USD; a provider's balance under it alerts."`
	CheckoutTTL       string `env:"CHECKOUT_TTL" default:"31m" help:"How long a payment page stays open, 31m to 24h."`
	ReconcileInterval string `env:"RECONCILE_INTERVAL" default:"1m" help:"How often unfinished orders are held against Stripe."`
	SweepInterval     string `env:"SWEEP_INTERVAL" default:"1h" help:"How often all recent Checkout Sessions are listed."`
	ProviderTimeout   string `env:"PROVIDER_TIMEOUT" default:"15s" help:"For one call to a provider."`
	OrderLease        string `env:"ORDER_LEASE" default:"60s" help:"How long a runner owns an order; at least PROVIDER_TIMEOUT + 20s."`
	EvidenceWait      string `env:"EVIDENCE_WAIT" default:"2m" help:"How long evidence is gathered on a doubtful purchase."`
	HoldDeadline      string `env:"HOLD_DEADLINE" default:"2h" help:"How long an order waits for provider balance."`

	DataKey    string `env:"DATA_KEY" help:"32 bytes, base64; several with commas: the first encrypts, all decrypt."`
	TermsURL   string `env:"TERMS_URL" help:"Linked from /terms."`
	PrivacyURL string `env:"PRIVACY_URL" help:"Linked from /privacy."`
	LogLevel   string `env:"LOG_LEVEL" default:"info" help:"debug, info, warn or error."`
	LogFormat  string `env:"LOG_FORMAT" default:"json" help:"json or text."`
	OTLP       string `env:"OTEL_EXPORTER_OTLP_ENDPOINT" help:"Traces go there."`
}

// The defaults that mean the real outside world.
const (
	realTelegram  = "https://api.telegram.org"
	realCloudESIM = "https://api.cloud-esim.com/api/v1"
	realMobilexy  = "https://mobilexy.com/api"
)

// A Config is the environment checked and read. Durations are what their names say, times UTC.
type Config struct {
	TelegramToken  string
	TelegramURL    string
	TelegramSecret string
	PublicURL      string
	ListenAddr     string
	MetricsAddr    string // empty: nowhere
	RedisURL       string

	StripeKey     string
	StripeTax     bool
	StripeSecrets []string // empty: what setup keeps in Redis
	StripeURL     string

	CloudESIMToken, CloudESIMURL string
	MobilexyKey, MobilexyURL     string

	Admins      []int64
	SupportChat int64
	Pricing     catalog.Pricing

	CatalogRefresh             time.Duration
	UsagePollMin, UsagePollMax time.Duration
	LowDataPercent             []int
	ExpiryNotice               time.Duration
	QuietFrom, QuietTo         int // hours of the day; equal: none
	BalanceAlert               decimal.Decimal
	CheckoutTTL                time.Duration
	ReconcileInterval          time.Duration
	SweepInterval              time.Duration
	ProviderTimeout            time.Duration
	OrderLease                 time.Duration
	EvidenceWait               time.Duration
	HoldDeadline               time.Duration

	DataKeys             [][]byte
	TermsURL, PrivacyURL string
	LogLevel, LogFormat  string
	OTLPEndpoint         string // base address of the collector; empty: no traces
}

// LiveKey says whether Stripe moves real money.
func (c *Config) LiveKey() bool {
	return strings.HasPrefix(c.StripeKey, "sk_live_") || strings.HasPrefix(c.StripeKey, "rk_live_")
}

// TestSellsToAdminsOnly says that a test key meets a real provider: money would be played with
// while real eSIMs are bought.
func (c *Config) TestSellsToAdminsOnly() bool {
	realProvider := (c.CloudESIMToken != "" && c.CloudESIMURL == realCloudESIM) || (c.MobilexyKey != "" && c.MobilexyURL == realMobilexy)
	return !c.LiveKey() && realProvider
}

// problems gathers what is wrong, a line each.
type problems struct{ errs []error }

func (p *problems) add(name, format string, args ...any) {
	p.errs = append(p.errs, fmt.Errorf("%s: %s", name, fmt.Sprintf(format, args...)))
}

var secretAlphabet = regexp.MustCompile(`^[A-Za-z0-9_-]{1,256}$`)

// Config checks every variable and returns them read, or one error a problem, all at once.
func (e *Environment) Config() (*Config, error) {
	p := &problems{}
	c := &Config{
		TelegramToken: p.required("TELEGRAM_BOT_TOKEN", e.TelegramBotToken),
		TelegramURL:   p.url("TELEGRAM_API_URL", e.TelegramAPIURL),
		PublicURL:     p.url("PUBLIC_URL", e.PublicURL),
		ListenAddr:    p.addr("LISTEN_ADDR", e.ListenAddr),
		RedisURL:      p.required("REDIS_URL", e.RedisURL),
		StripeKey:     p.required("STRIPE_SECRET_KEY", e.StripeSecretKey),
		StripeTax:     p.oneOf("STRIPE_TAX", e.StripeTax, "off", "on") == "on",
		StripeSecrets: list(e.StripeWebhookSecret),
		StripeURL:     p.url("STRIPE_API_URL", e.StripeAPIURL),

		CloudESIMToken: e.CloudESIMToken, CloudESIMURL: p.url("CLOUDESIM_API_URL", e.CloudESIMURL),
		MobilexyKey: e.MobilexyKey, MobilexyURL: p.url("MOBILEXY_API_URL", e.MobilexyURL),

		CatalogRefresh:    p.duration("CATALOG_REFRESH", e.CatalogRefresh, time.Minute, 7*24*time.Hour),
		UsagePollMin:      p.duration("USAGE_POLL_MIN", e.UsagePollMin, time.Minute, 7*24*time.Hour),
		UsagePollMax:      p.duration("USAGE_POLL_MAX", e.UsagePollMax, time.Minute, 30*24*time.Hour),
		ExpiryNotice:      p.duration("EXPIRY_NOTICE", e.ExpiryNotice, 0, 30*24*time.Hour),
		BalanceAlert:      p.decimal("BALANCE_ALERT", e.BalanceAlert, false),
		CheckoutTTL:       p.duration("CHECKOUT_TTL", e.CheckoutTTL, 31*time.Minute, 24*time.Hour),
		ReconcileInterval: p.duration("RECONCILE_INTERVAL", e.ReconcileInterval, time.Second, time.Hour),
		SweepInterval:     p.duration("SWEEP_INTERVAL", e.SweepInterval, time.Minute, 24*time.Hour),
		ProviderTimeout:   p.duration("PROVIDER_TIMEOUT", e.ProviderTimeout, time.Second, 2*time.Minute),
		OrderLease:        p.duration("ORDER_LEASE", e.OrderLease, 10*time.Second, 10*time.Minute),
		EvidenceWait:      p.duration("EVIDENCE_WAIT", e.EvidenceWait, time.Second, 24*time.Hour),
		HoldDeadline:      p.duration("HOLD_DEADLINE", e.HoldDeadline, time.Minute, 7*24*time.Hour),

		TermsURL: p.url("TERMS_URL", e.TermsURL), PrivacyURL: p.url("PRIVACY_URL", e.PrivacyURL),
		LogLevel:  p.oneOf("LOG_LEVEL", e.LogLevel, "debug", "info", "warn", "error"),
		LogFormat: p.oneOf("LOG_FORMAT", e.LogFormat, "json", "text"),
	}
	c.OTLPEndpoint = p.base("OTEL_EXPORTER_OTLP_ENDPOINT", e.OTLP)
	e.people(c, p)
	e.secrets(c, p)
	e.prices(c, p)
	e.rules(c, p)
	if len(p.errs) > 0 {
		return nil, errors.Join(p.errs...)
	}
	return c, nil
}

func (e *Environment) people(c *Config, p *problems) {
	if c.TelegramToken != "" && !regexp.MustCompile(`^[0-9]{1,20}:[A-Za-z0-9_-]{3,}$`).MatchString(c.TelegramToken) {
		p.add("TELEGRAM_BOT_TOKEN", "should look like 123456:ABC-DEF, as @BotFather gives it")
	}
	for _, s := range list(e.AdminIDs) {
		id, err := strconv.ParseInt(s, 10, 64)
		if err != nil || id <= 0 {
			p.add("ADMIN_IDS", "%q is no numeric user id", s)
			continue
		}
		c.Admins = append(c.Admins, id)
	}
	if s := strings.TrimSpace(e.SupportChatID); s != "" {
		id, err := strconv.ParseInt(s, 10, 64)
		if err != nil || id == 0 {
			p.add("SUPPORT_CHAT_ID", "%q is no numeric chat id", s)
		}
		c.SupportChat = id
	}
	if c.CloudESIMToken == "" && c.MobilexyKey == "" {
		p.add("CLOUDESIM_API_TOKEN, MOBILEXY_API_KEY", "set at least one")
	}
}

func (e *Environment) secrets(c *Config, p *problems) {
	c.TelegramSecret = e.TelegramWebhookSecret
	switch {
	case c.TelegramSecret == "" && c.TelegramToken != "":
		c.TelegramSecret = webhookSecret(c.TelegramToken)
	case c.TelegramSecret != "" && !secretAlphabet.MatchString(c.TelegramSecret):
		p.add("TELEGRAM_WEBHOOK_SECRET", "takes 1 to 256 of A-Z, a-z, 0-9, _ and -")
	}
	if c.StripeKey != "" && !regexp.MustCompile(`^[sr]k_(test|live)_[A-Za-z0-9_]+$`).MatchString(c.StripeKey) {
		p.add("STRIPE_SECRET_KEY", "should start with sk_test_, sk_live_, rk_test_ or rk_live_")
	}
	for _, s := range c.StripeSecrets {
		if !strings.HasPrefix(s, "whsec_") {
			p.add("STRIPE_WEBHOOK_SECRET", "each should start with whsec_")
			break
		}
	}
	for i, s := range list(e.DataKey) {
		key, err := base64.StdEncoding.DecodeString(s)
		if err != nil || len(key) != 32 {
			p.add("DATA_KEY", "key %d is not 32 bytes in base64; make one with: openssl rand -base64 32", i+1)
			continue
		}
		c.DataKeys = append(c.DataKeys, key)
	}
	if c.PublicURL != "" && strings.TrimSpace(e.DataKey) == "" {
		p.add("DATA_KEY", "required with PUBLIC_URL; make one with: openssl rand -base64 32")
	}
}

func (e *Environment) prices(c *Config, p *problems) {
	before := len(p.errs)
	currency, err := esim.ParseCurrency(e.PriceCurrency)
	if err != nil {
		p.add("PRICE_CURRENCY", "%q is no currency that Stripe charges in", e.PriceCurrency)
	}
	c.Pricing = catalog.Pricing{
		Currency:      currency,
		Rate:          p.decimal("PRICE_RATE", e.PriceRate, true),
		MarkupPercent: p.decimal("PRICE_MARKUP_PERCENT", e.PriceMarkupPercent, false),
		FixedFee:      p.decimal("PRICE_FIXED_FEE", e.PriceFixedFee, false),
		RoundUpTo:     p.decimal("PRICE_ROUND_UP_TO", e.PriceRoundUpTo, true),
	}
	if len(p.errs) == before { // each number is right by itself: do they go together?
		if err := c.Pricing.Validate(); err != nil {
			p.add("PRICE_ROUND_UP_TO", "%v", err)
		}
	}
}

func (e *Environment) rules(c *Config, p *problems) {
	if e.MetricsAddr != "off" {
		c.MetricsAddr = p.addr("METRICS_ADDR", e.MetricsAddr)
	}
	for _, s := range list(e.LowDataPercent) {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > 99 {
			p.add("LOW_DATA_PERCENT", "%q is no whole percentage from 1 to 99", s)
			continue
		}
		c.LowDataPercent = append(c.LowDataPercent, n)
	}
	slices.Sort(c.LowDataPercent)
	c.LowDataPercent = slices.Compact(c.LowDataPercent)
	slices.Reverse(c.LowDataPercent)
	if e.QuietHours != "off" {
		rest := ""
		if n, _ := fmt.Sscanf(e.QuietHours, "%d-%d%s", &c.QuietFrom, &c.QuietTo, &rest); n != 2 ||
			c.QuietFrom < 0 || c.QuietFrom > 23 || c.QuietTo < 0 || c.QuietTo > 23 {
			p.add("QUIET_HOURS", "%q should look like 22-08, or off", e.QuietHours)
		}
	}
	if c.UsagePollMin > c.UsagePollMax {
		p.add("USAGE_POLL_MIN", "%s is more than USAGE_POLL_MAX %s", c.UsagePollMin, c.UsagePollMax)
	}
	if c.OrderLease != 0 && c.ProviderTimeout != 0 && c.OrderLease < c.ProviderTimeout+20*time.Second {
		p.add("ORDER_LEASE", "%s is less than PROVIDER_TIMEOUT + 20s = %s", c.OrderLease, c.ProviderTimeout+20*time.Second)
	}
}

func (p *problems) required(name, s string) string {
	if s = strings.TrimSpace(s); s == "" {
		p.add(name, "is required")
	}
	return s
}

func (p *problems) url(name, s string) string {
	if s = strings.TrimRight(strings.TrimSpace(s), "/"); s == "" {
		return ""
	}
	u, err := url.Parse(s)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		p.add(name, "should be an http or https address")
	}
	return s
}

// base is url for an address that paths are appended to.
func (p *problems) base(name, s string) string {
	s = p.url(name, s)
	if u, err := url.Parse(s); err == nil && (u.User != nil || u.RawQuery != "" || u.Fragment != "") {
		p.add(name, "should be a plain address, without credentials or a query")
	}
	return s
}

func (p *problems) addr(name, s string) string {
	if _, port, err := net.SplitHostPort(s); err != nil || !validPort(port) {
		p.add(name, "%q should look like :8080 or 127.0.0.1:8080", s)
	}
	return s
}

func validPort(s string) bool {
	n, err := strconv.Atoi(s)
	return err == nil && n >= 0 && n <= 65535
}

func (p *problems) oneOf(name, s string, allowed ...string) string {
	if !slices.Contains(allowed, s) {
		p.add(name, "%q should be one of %s", s, strings.Join(allowed, ", "))
	}
	return s
}

func (p *problems) duration(name, s string, least, most time.Duration) time.Duration {
	d, err := time.ParseDuration(s)
	switch {
	case err != nil:
		p.add(name, "%q is no duration such as 90s, 31m or 6h", s)
		return 0
	case d < least || d > most:
		p.add(name, "%s should be from %s to %s", d, least, most)
	}
	return d
}

func (p *problems) decimal(name, s string, positive bool) decimal.Decimal {
	d, err := decimal.NewFromString(strings.TrimSpace(s))
	switch {
	case err != nil || len(s) > 30 || d.Exponent() > 12 || d.Exponent() < -12:
		p.add(name, "%q is no decimal number", s)
		return decimal.Zero
	case d.IsNegative() || (positive && d.IsZero()):
		p.add(name, "%s is too small", d)
	}
	return d
}

// webhookSecret derives Telegram's webhook secret from the bot's token, so that every replica
// knows it without being told.
func webhookSecret(token string) string {
	mac := hmac.New(sha256.New, []byte(token))
	mac.Write([]byte("telegram webhook"))
	return hex.EncodeToString(mac.Sum(nil))
}

// list splits a comma-separated variable and drops blanks.
func list(s string) []string {
	var out []string
	for part := range strings.SplitSeq(s, ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}
