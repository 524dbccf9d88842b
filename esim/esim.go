// Package esim holds the words everyone in the shop uses: Money, Destination, Plan, Profile,
// ActivationCode, ICCID, Usage. It imports nothing of ours.
package esim

// A Provider names one of the wholesale providers.
type Provider string

// The wholesale providers.
const (
	CloudESIM Provider = "cloudesim"
	Mobilexy  Provider = "mobilexy"
)

// Name returns the provider's name as people write it.
func (p Provider) Name() string {
	switch p {
	case CloudESIM:
		return "CloudeSIM"
	case Mobilexy:
		return "Mobilexy"
	default:
		return string(p)
	}
}

// Sizes of data in bytes, binary as both providers count them.
const (
	KB int64 = 1 << 10
	MB int64 = 1 << 20
	GB int64 = 1 << 30
)
