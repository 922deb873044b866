package dict

// groupPages is how many pages share a group.
const groupPages = 8

// group is how many entries each of some pages in a row has, a byte a page. What is beyond
// countMax is not known; with a secret hash function there is no such page.
type group uint64

const countMax = 255

func (g group) count(page int) int { return int(g >> (8 * page) & countMax) }

func (g *group) set(page, n int) {
	*g = *g&^(countMax<<(8*page)) | group(min(n, countMax))<<(8*page)
}

// sum returns how many entries all pages have.
func (g group) sum() int {
	const even = 0x00ff00ff00ff00ff
	return int((g&even + g>>8&even) * 0x0001000100010001 >> 48)
}

// at returns which page entry n of the group is in, and which entry of the page it is; ok
// is false if there are no more than n.
func (g group) at(n int) (page, entry int, ok bool) {
	if n >= g.sum() {
		return 0, 0, false
	}
	for {
		here := int(g & countMax)
		if n < here {
			return page, n, true
		}
		n -= here
		g >>= 8
		page++
	}
}
