package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"esimbot/esim"
	"esimbot/providers"
)

// settings looks at the configuration by itself: every variable is well formed, or we weren't here.
func (d *doctor) settings(context.Context) []finding {
	c := d.cfg
	var warnings []string
	warn := func(when bool, text string) {
		if when {
			warnings = append(warnings, text)
		}
	}
	warn(c.TestSellsToAdminsOnly(), "TEST mode: a test key at Stripe and real eSIMs, so only admins may pay")
	warn(!c.LiveKey() && !c.TestSellsToAdminsOnly(), "a test key at Stripe: no money moves")
	warn(c.LiveKey() && len(c.elsewhere()) > 0, "real money for eSIMs from an address that isn't the provider's own: "+strings.Join(c.elsewhere(), ", "))
	warn(len(c.Admins) == 0, "ADMIN_IDS is empty: nobody can refund or resolve, and alerts have nowhere to go but SUPPORT_CHAT_ID")
	warn(c.SupportChat == 0, "SUPPORT_CHAT_ID is empty: alerts and questions go to every admin")
	warn(len(c.DataKeys) == 0, "DATA_KEY is not set: activation codes are sealed with a key kept beside them")
	return []finding{well("configuration", warnings...), c.soundPrices()}
}

// elsewhere names the providers that are on and not at their own address.
func (c *Config) elsewhere() (names []string) {
	if c.CloudESIMToken != "" && c.CloudESIMURL != realCloudESIM {
		names = append(names, "CLOUDESIM_API_URL")
	}
	if c.MobilexyKey != "" && c.MobilexyURL != realMobilexy {
		names = append(names, "MOBILEXY_API_URL")
	}
	return names
}

func (c *Config) soundPrices() finding {
	const sample = 10 // USD, about the middle of the plans on sale
	what := fmt.Sprintf("prices: a plan of %d USD", sample)
	retail, err := c.Pricing.Retail(decimal.NewFromInt(sample))
	if err != nil {
		return ill(what, err, "check PRICE_RATE, PRICE_MARKUP_PERCENT, PRICE_FIXED_FEE and PRICE_ROUND_UP_TO")
	}
	what += fmt.Sprintf(" sells for %s %s", retail.Decimal().StringFixed(c.Pricing.Currency.Exponent()), c.Pricing.Currency)
	var warnings []string
	if c.Pricing.MarkupPercent.IsZero() && c.Pricing.FixedFee.IsZero() {
		warnings = append(warnings, "PRICE_MARKUP_PERCENT and PRICE_FIXED_FEE are 0: with Stripe's fee each sale is a loss")
	}
	if c.Pricing.Currency != esim.USD && c.Pricing.Rate.Equal(decimal.NewFromInt(1)) {
		warnings = append(warnings, fmt.Sprintf("PRICE_RATE is 1: is one USD one %s?", c.Pricing.Currency))
	}
	return well(what, warnings...)
}

// address looks at PUBLIC_URL from here. That the shop doesn't answer there is a warning: before the
// first deploy it can't.
func (d *doctor) address(ctx context.Context) []finding {
	const what = "PUBLIC_URL"
	if d.cfg.PublicURL == "" {
		return nil
	}
	if problem := d.cfg.unreachable(); problem != "" {
		return []finding{ill(what, problem, "set PUBLIC_URL to an address with https, at port 443, 80, 88 or 8443")}
	}
	var warnings []string
	if status, body := visit(ctx, d.cfg.PublicURL+"/healthz"); status != http.StatusOK {
		warnings = append(warnings, "the shop does not answer there, as before its first deploy: /healthz: "+body)
	} else if status, body := visit(ctx, d.cfg.PublicURL+"/readyz"); status != http.StatusOK {
		warnings = append(warnings, "the shop is not ready: "+body)
	}
	return []finding{well(what+": "+d.cfg.PublicURL, warnings...)}
}

// unreachable says why Telegram would not bring updates to PUBLIC_URL; empty: it would. A Telegram of
// one's own takes any address. https://core.telegram.org/bots/webhooks
func (c *Config) unreachable() string {
	u, err := url.Parse(c.PublicURL)
	switch {
	case err != nil:
		return "malformed"
	case c.TelegramURL != realTelegram:
		return ""
	case u.Scheme != "https":
		return "Telegram brings updates to https only"
	case !slices.Contains([]string{"", "443", "80", "88", "8443"}, u.Port()):
		return "Telegram brings no updates to port " + u.Port()
	default:
		return ""
	}
}

// visit asks for a page of the shop. The body is what it says, or how it failed.
func visit(ctx context.Context, page string) (status int, body string) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, page, nil)
	if err != nil {
		return 0, "malformed"
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		var failed *url.Error
		if errors.As(err, &failed) {
			err = failed.Err
		}
		return 0, err.Error()
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, 200))
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return 0, err.Error()
	}
	return resp.StatusCode, fmt.Sprintf("%d %s", resp.StatusCode, text)
}

// sellers are the parts that look at the providers, one each.
func (d *doctor) sellers() []func(context.Context) []finding {
	list, err := newProviders(d.cfg, d.options, time.Now, nil, 0, nil)
	if err != nil {
		return []func(context.Context) []finding{func(context.Context) []finding {
			return []finding{ill("providers", err, "check their variables")}
		}}
	}
	var parts []func(context.Context) []finding
	for _, p := range list {
		parts = append(parts, func(ctx context.Context) []finding { return []finding{d.seller(ctx, p)} })
	}
	return parts
}

func (d *doctor) seller(ctx context.Context, p providers.Provider) finding {
	what := p.ID().Name() + " balance"
	variable, address := "CLOUDESIM_API_TOKEN", "CLOUDESIM_API_URL"
	if p.ID() == esim.Mobilexy {
		variable, address = "MOBILEXY_API_KEY", "MOBILEXY_API_URL"
	}
	balance, err := p.Balance(ctx)
	switch {
	case errors.Is(err, providers.ErrUnauthorized):
		return ill(what, err, "take "+variable+" from the provider's portal again")
	case err != nil:
		return ill(what, err, "see that "+address+" can be reached from here, and what the provider says of its state")
	case balance.LessThan(d.cfg.BalanceAlert):
		return well(what+": "+balance.StringFixed(2)+" USD", "under BALANCE_ALERT, "+d.cfg.BalanceAlert.String()+": add money")
	default:
		return well(what + ": " + balance.StringFixed(2) + " USD")
	}
}
