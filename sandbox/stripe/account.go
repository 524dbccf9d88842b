package stripe

func (s *Server) getBalance(*call) (renderable, *apiError) {
	totals := map[string]int64{}
	for _, ch := range s.charges.byID {
		if ch.Status == "succeeded" {
			totals[ch.Currency] += ch.Amount - ch.Refunded
		}
	}
	if len(totals) == 0 {
		totals["usd"] = 0
	}
	pending, available := []any{}, []any{}
	for cur, n := range totals {
		pending = append(pending, renderable{"amount": n, "currency": cur, "source_types": renderable{"card": n}})
		available = append(available, renderable{"amount": 0, "currency": cur, "source_types": renderable{"card": 0}})
	}
	return renderable{"object": "balance", "livemode": s.opt.LiveMode, "available": available, "pending": pending}, nil
}

func (s *Server) getAccount(*call) (renderable, *apiError) {
	return renderable{"id": "acct_sandbox", "object": "account", "country": "US", "default_currency": "usd", "charges_enabled": !s.inactive,
		"payouts_enabled": true, "details_submitted": true, "type": "standard", "metadata": renderable{},
		"business_profile": renderable{"name": s.opt.Business}, "settings": renderable{"dashboard": renderable{"display_name": s.opt.Business}}}, nil
}
