package textgen

// kinds are the sorts of scene in the order in which they take turns. The
// numbers are how many texts of each class (tiny, small, mid, big, huge) a scene
// is filled up to as far as there is room. They are balanced so that a round of
// all kinds holds about as many of each class.
var kinds = []kind{
	{"receipt", [sizes]int{5, 6, 8, 6, 6}, buildReceipt},
	{"shopfront", [sizes]int{5, 5, 5, 9, 9}, buildShopfront},
	{"table", [sizes]int{6, 9, 5, 5, 4}, buildTable},
	{"poster", [sizes]int{4, 4, 5, 8, 8}, buildPoster},
	{"page", [sizes]int{6, 5, 5, 4, 4}, buildPage},
	{"words", [sizes]int{6, 5, 6, 10, 11}, buildWords},
	{"menu", [sizes]int{5, 5, 6, 5, 4}, buildMenu},
	{"roadsign", [sizes]int{5, 4, 5, 9, 11}, buildRoadSign},
	{"departures", [sizes]int{5, 6, 9, 7, 7}, buildDepartures},
	{"shelf", [sizes]int{6, 6, 6, 8, 8}, buildShelf},
	{"cards", [sizes]int{6, 6, 5, 7, 6}, buildCards},
	{"dashboard", [sizes]int{6, 6, 6, 7, 7}, buildDashboard},
}

// sample is typical text, for choosing one letter size for many strings.
const sample = "Handgloves 24"

var materialOrder = []material{wood, marble, linen, darkWood, concrete, felt, slate}
