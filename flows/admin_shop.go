package flows

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"esimbot/esim"
	"esimbot/orders"
)

// allPlans names every provider at once.
const allPlans = "all"

func providerNames() []esim.Provider { return []esim.Provider{esim.CloudESIM, esim.Mobilexy} }

// pause shows for what no payment pages are opened; with an argument it closes sales first. It can
// be taken back at once, so it asks for no yes.
func (v *visit) pause(ctx context.Context, words []string) (Reply, error) {
	if len(words) == 0 {
		p, err := v.shop.cfg.Office.Pauses(ctx)
		if err != nil {
			return Reply{}, fmt.Errorf("read pauses: %w", err)
		}
		return v.pauseScreen(p), nil
	}
	provider := esim.Provider(words[0])
	if words[0] == allPlans {
		provider = ""
	} else if !slices.Contains(providerNames(), provider) {
		return Reply{}, errStale
	}
	v.session.Page = adminPage("pause") // drawn again, it only shows
	return v.working("admin_doing", adminPage("pause"), func(v *visit, ctx context.Context) (Reply, error) {
		p, err := v.shop.cfg.Office.Pause(ctx, v.in.User, provider)
		if err != nil {
			return v.failed(adminPage("pause"), fmt.Errorf("pause: %w", err)), nil
		}
		return v.pauseScreen(p), nil
	}), nil
}

// pauseTyped is /pause: for all, or for the provider typed.
func (v *visit) pauseTyped(ctx context.Context, typed string) (Reply, error) {
	word := strings.ToLower(typed)
	if word == "" {
		word = allPlans
	}
	if word != allPlans && !slices.Contains(providerNames(), esim.Provider(word)) {
		v.notice = v.l.H("admin_no_provider", args{"Provider": v.l.Isolate(oneLine(typed, 40))})
		return v.open(ctx, adminPage("pause"))
	}
	return v.open(ctx, adminPage("pause", word))
}

// resume opens sales again, for everything.
func (v *visit) resume(_ context.Context, _ []string) (Reply, error) {
	v.session.Page = adminPage("pause")
	return v.working("admin_doing", adminPage("pause"), func(v *visit, ctx context.Context) (Reply, error) {
		p, err := v.shop.cfg.Office.Resume(ctx, v.in.User)
		if err != nil {
			return v.failed(adminPage("pause"), fmt.Errorf("resume: %w", err)), nil
		}
		return v.pauseScreen(p), nil
	}), nil
}

func (v *visit) pauseScreen(p orders.Pauses) Reply {
	var rows [][]Button
	var one []Button
	names := make([]string, 0, len(p.Providers))
	for _, provider := range providerNames() {
		if slices.Contains(p.Providers, provider) {
			names = append(names, v.l.Isolate(provider.Name()))
		} else if !p.All {
			one = append(one, press(v.l.T("admin_button_pause_one", args{"Provider": v.l.Isolate(provider.Name())}), adminPage("pause", string(provider))))
		}
	}
	html := v.l.H("admin_open")
	switch {
	case p.All:
		html = v.l.H("admin_paused")
	case len(names) > 0:
		html = v.l.H("admin_paused_some", args{"Providers": listed(v.l, names)})
	}
	if p.All || len(names) > 0 {
		rows = append(rows, []Button{{Text: v.l.T("admin_button_resume"), Data: adminPage("resume"), Style: Primary}})
	}
	if !p.All {
		rows = withRows(rows, one, []Button{{Text: v.l.T("admin_button_pause_all"), Data: adminPage("pause", allPlans), Style: Danger}})
	}
	return v.show(Screen{Name: "admin_pause", HTML: paragraphs(v.notice, html), Rows: append(rows, []Button{back(v.l, "start")})})
}

// block asks for a yes before a customer gets no more payment pages, or for the customer.
func (v *visit) block(_ context.Context, words []string) (Reply, error) {
	if len(words) == 0 {
		return v.ask("admin_block_ask", v.l.H("admin_block_ask"), adminPage("orders")), nil
	}
	if _, err := customerID(words[0]); err != nil {
		return Reply{}, errStale
	}
	v.session.Confirm = nil
	yes, err := v.confirmable(Confirmation{Deed: deedBlock, Detail: words[0]})
	if err != nil {
		return Reply{}, err
	}
	html := paragraphs(v.notice, v.l.H("admin_block_sure", args{"Customer": code(v.l, words[0])}),
		v.l.H("admin_confirm_until", args{"Minutes": v.l.Isolate(v.l.Minutes(int(confirmTime.Minutes())))}))
	return v.show(Screen{Name: "admin_block", HTML: html, Rows: [][]Button{
		{{Text: v.l.T("admin_button_block"), Data: yes, Style: Danger}}, {press(v.l.T("button_cancel"), adminPage("customer", words[0]))},
	}}), nil
}

// unblock lets a customer buy again, or asks for the customer.
func (v *visit) unblock(_ context.Context, words []string) (Reply, error) {
	if len(words) == 0 {
		return v.ask("admin_unblock_ask", v.l.H("admin_unblock_ask"), adminPage("orders")), nil
	}
	if _, err := customerID(words[0]); err != nil {
		return Reply{}, errStale
	}
	home := adminPage("customer", words[0])
	v.session.Page = home
	return v.working("admin_doing", home, func(v *visit, ctx context.Context) (Reply, error) {
		return v.setBlocked(ctx, "unblock", words[0])
	}), nil
}

// setBlocked blocks or unblocks a customer, and shows their page with what was done.
func (v *visit) setBlocked(ctx context.Context, word, customer string) (Reply, error) {
	id, err := customerID(customer)
	if err != nil {
		return Reply{}, err
	}
	do := v.shop.cfg.Office.Unblock
	if word == "block" {
		do = v.shop.cfg.Office.Block
	}
	if err := do(ctx, v.in.User, id); err != nil {
		return v.failed(adminPage("customer", customer), fmt.Errorf("%s customer: %w", word, err)), nil
	}
	v.notice = v.l.H("admin_done", args{"What": plainButton(v.l.T("admin_button_" + word))})
	return v.open(ctx, adminPage("customer", customer))
}

// blockTyped is /block or /unblock with a customer's id, or what was typed for one.
func (v *visit) blockTyped(ctx context.Context, word, typed string) (Reply, error) {
	typed = strings.TrimSpace(typed)
	if typed == "" {
		return v.open(ctx, adminPage(word))
	}
	if _, err := customerID(typed); err != nil {
		v.notice = v.l.H("admin_no_customer", args{"Typed": v.l.Isolate(oneLine(typed, 40))})
		return v.open(ctx, adminPage(word))
	}
	return v.open(ctx, adminPage(word, typed))
}
