package mobilexy

import (
	"context"
	"encoding/json"
	"net/url"

	"esimbot/providers"
)

// A Country is one entry of GET /coverage/countries, and of a plan's countries.
type Country struct {
	Name           providers.Text   `json:"name"` // not always ISO's: "Hong Kong (China)"
	Slug           providers.Text   `json:"slug"`
	ConvertedPrice providers.Number `json:"converted_price"` // cheapest plan, USD
}

// A Region is one entry of GET /coverage/regions.
type Region struct {
	Name      providers.Text   `json:"name"` // "Asia (AS-12)"
	Slug      providers.Text   `json:"slug"`
	PlanCount providers.Number `json:"plan_count"`
}

// A Plan is one entry of the plan lists, and the answer of GET /plan/{id}, which has no price.
type Plan struct {
	ID             providers.Number `json:"id"`
	Slug           providers.Text   `json:"slug"`
	Name           providers.Text   `json:"name"`
	Period         providers.Number `json:"period"`         // days
	PackageType    providers.Text   `json:"package_type"`   // "DATA"
	DataVolume     providers.Number `json:"data_volume"`    // bytes, -1 for no fixed volume
	VoiceQuantity  providers.Number `json:"voice_quantity"` // minutes, "0.00"
	SMSQuantity    providers.Number `json:"sms_quantity"`   // -1 for unlimited
	FUPPolicyText  providers.Text   `json:"fup_policy_text"`
	OperatorName   providers.Text   `json:"operator_name"` // several with commas
	NetworkSpeed   providers.Text   `json:"network_speed"` // "3G/4G"
	AreaCoverage   providers.Text   `json:"area_coverage"` // "local", "continental"
	Status         providers.Number `json:"status"`        // 1: on sale
	ConvertedPrice providers.Number `json:"converted_price"`
	Currency       providers.Text   `json:"currency"`    // null means USD
	PackageCode    providers.Text   `json:"packageCode"` // what a top-up wants
	Countries      countries        `json:"countries"`   // of region and global plans
}

// countries is a plan's list of countries; whatever is no list is an empty one.
type countries []Country

// UnmarshalJSON reads a list of at most providers.MaxPlaces countries.
func (c *countries) UnmarshalJSON(b []byte) error {
	var list []Country
	if json.Unmarshal(b, &list) != nil || len(list) > providers.MaxPlaces {
		list = nil
	}
	*c = list
	return nil
}

// Countries lists the countries on sale (GET /coverage/countries).
func (c *Client) Countries(ctx context.Context) ([]Country, error) {
	return providers.Do(ctx, c.http, get("countries", "/coverage/countries"), decodeCountries)
}

func decodeCountries(body []byte) ([]Country, error) {
	data, err := inData[struct {
		Countries []Country `json:"countries"`
	}](body)
	return bounded(data.Countries, providers.MaxPlaces, err)
}

// Regions lists the regions on sale (GET /coverage/regions).
func (c *Client) Regions(ctx context.Context) ([]Region, error) {
	return providers.Do(ctx, c.http, get("regions", "/coverage/regions"), decodeRegions)
}

func decodeRegions(body []byte) ([]Region, error) {
	data, err := inData[struct {
		Regions []Region `json:"regions"`
	}](body)
	return bounded(data.Regions, providers.MaxPlaces, err)
}

// CountryPlans lists a country's plans (GET /country-plans/{slug}). Entries of any list of plans
// that are no objects come as the zero Plan.
func (c *Client) CountryPlans(ctx context.Context, slug string) ([]Plan, error) {
	return c.plans(ctx, countryList+slug)
}

// RegionPlans lists a region's plans (GET /region-plans/{slug}).
func (c *Client) RegionPlans(ctx context.Context, slug string) ([]Plan, error) {
	return c.plans(ctx, regionList+slug)
}

// GlobalPlans lists the plans for the whole world (GET /global-plans).
func (c *Client) GlobalPlans(ctx context.Context) ([]Plan, error) {
	return c.plans(ctx, globalList)
}

// Sources, as esim.Plan keeps them: the first two are followed by a slug.
const (
	countryList = "country-plans/"
	regionList  = "region-plans/"
	globalList  = "global-plans"
)

// plans fetches the list of a source.
func (c *Client) plans(ctx context.Context, source string) ([]Plan, error) {
	if !validSource(source) {
		return nil, refused("plans", providers.ErrNotFound)
	}
	return providers.Do(ctx, c.http, get("plans", "/"+source), decodePlans)
}

func decodePlans(body []byte) ([]Plan, error) {
	data, err := inData[struct {
		Plans []json.RawMessage `json:"plans"`
	}](body)
	raw, err := bounded(data.Plans, providers.MaxPlans, err)
	if err != nil {
		return nil, err
	}
	list := make([]Plan, len(raw))
	for i := range raw {
		if json.Unmarshal(raw[i], &list[i]) != nil {
			list[i] = Plan{}
		}
	}
	return list, nil
}

// PlanDetails returns a plan's terms, without its price (GET /plan/{id}).
func (c *Client) PlanDetails(ctx context.Context, id string) (Plan, error) {
	return providers.Do(ctx, c.http, get("plan", "/plan/"+url.PathEscape(id)), decodePlan)
}

func decodePlan(body []byte) (Plan, error) {
	data, err := inData[struct {
		Plan *Plan `json:"plan"`
	}](body)
	switch {
	case err != nil:
		return Plan{}, err
	case data.Plan == nil:
		return Plan{}, providers.Malformed("no plan")
	}
	return *data.Plan, nil
}

// bounded refuses a list that is missing or too long.
func bounded[T any](list []T, most int, err error) ([]T, error) {
	switch {
	case err != nil:
		return nil, err
	case list == nil:
		return nil, providers.Malformed("no list")
	case len(list) > most:
		return nil, providers.Malformed("list too long")
	}
	return list, nil
}
