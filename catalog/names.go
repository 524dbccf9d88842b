package catalog

import (
	"strings"
)

// otherNames are further names of countries beside those of the locales: how the providers write
// them, what they used to be called, what people call them. Part of a country stands for it.
const otherNames = `
AE|UAE, U.A.E., Emirates, The Emirates, Emiratos, Emiraty, Эмираты, Объединённые Арабские Эмираты, الامارات, VAE, EAU
AX|Aland, Åland
BA|Bosnia, Bosnia-Herzegovina, Bosnia Herzegovina, Bosnien, Bosnie, Босния
BN|Brunei Darussalam
BO|Bolivia Plurinational State of
BQ|Bonaire, Bonaire Sint Eustatius and Saba, Bonaire Saint Eustatius and Saba, Netherlands Antilles
BS|Bahamas The, The Bahamas
BY|Byelorussia, Belorussia, Белоруссия
CD|Congo DR, Congo DRC, Congo Democratic Republic, Congo Democratic Republic of the, Congo The Democratic Republic of the, Democratic Republic of the Congo, Democratic Republic of Congo, DRC, Congo Kinshasa, Congo - Kinshasa, Zaire, Демократическая Республика Конго
CF|Central African Rep, Central African Rep.
CG|Congo Republic, Congo Republic of the, Republic of the Congo, Republic of Congo, Congo Brazzaville, Congo - Brazzaville, Конго
CI|Ivory Coast, Cote d'Ivoire, Cote d Ivoire, Кот д Ивуар
CN|China mainland, Mainland China, PRC, People's Republic of China, КНР
CV|Cabo Verde, Cape Verde
CW|Curacao
CZ|Czech Republic, Czech, República Checa, Tschechische Republik, République tchèque
DE|Deutschland
DO|Dominican Rep, Dominican Rep., Dominicana
FK|Falkland Islands Malvinas, Falklands, Malvinas
FM|Micronesia Federated States of, Federated States of Micronesia
GB|UK, U.K., Great Britain, Britain, England, Scotland, Wales, Northern Ireland, Inglaterra, Escocia, Gran Bretaña, Angleterre, Écosse, Grande-Bretagne, Grossbritannien, Schottland, Англия, Шотландия, Соединённое Королевство, انجلترا, بريطانيا, اسكتلندا
GM|Gambia The, The Gambia
GW|Guinea Bissau
HK|Hong Kong (China), Hong Kong SAR, Hongkong, HKSAR, Hong Kong SAR China
IM|Isle of Man
IR|Iran Islamic Republic of, Persia
KG|Kyrgyz Republic, Kirghizia, Кыргызстан
KN|Saint Kitts, St Kitts, Nevis
KP|Korea North, DPRK
KR|Korea, Korea South, Korea Republic of, Republic of Korea, Corea, Corée, Корея, Республика Корея, كوريا
LA|Lao, Lao PDR, Lao People's Democratic Republic
LY|Libyan Arab Jamahiriya
MD|Moldova Republic of, Молдавия
MF|Saint Martin French, St Martin French Part, Saint Martin (French part)
MK|Macedonia, Republic of Macedonia, FYROM, Македония
MM|Burma, Birma, Бирма
MO|Macao (China), Macau, Macau SAR, Macao SAR, Macau (China)
MP|Saipan, Northern Marianas
MV|Maldive Islands
NL|Holland, Holanda, Hollande, Голландия, هولندا
PF|Tahiti, Bora Bora
PS|Palestine, Palestine State of, State of Palestine, Palestinian Territory, Palästina, Палестина, فلسطين
RE|La Réunion, Reunion Island
RU|Russian Federation, РФ, Российская Федерация
SA|KSA, Saudi, Kingdom of Saudi Arabia, المملكة العربية السعودية
SK|Slovak Republic
ST|Sao Tome
SX|St Maarten, Saint Maarten, Sint Maarten (Dutch part)
SY|Syrian Arab Republic
SZ|Swaziland
TC|Turks and Caicos
TL|East Timor, Timor Leste
TR|Turkey, Turkiye
TW|Taiwan (China), Taiwan Province of China
TZ|Tanzania United Republic of, United Republic of Tanzania, Zanzibar, Sansibar, Занзибар, زنجبار
US|US, USA, U.S.A., U.S., America, United States of America, EEUU, EE. UU., Estados Unidos de América, États-Unis d'Amérique, Vereinigte Staaten, Соединённые Штаты, Америка, أمريكا, امريكا
VA|Vatican, Holy See, Holy See (Vatican City State), Vaticano
VC|Saint Vincent, St Vincent
VE|Venezuela Bolivarian Republic of
VG|Virgin Islands British, BVI
VI|Virgin Islands US, Virgin Islands (U.S.), US Virgin Islands, United States Virgin Islands, USVI
VN|Viet Nam, Вьетнам
ZA|RSA, Южная Африка
`

// cities are places that people name when they mean a country.
const cities = `
AE|Dubai, Dubái, Dubaï, Дубай, دبي, Abu Dhabi, Абу-Даби, أبو ظبي, Sharjah, Шарджа
AR|Buenos Aires, Буэнос-Айрес
AT|Vienna, Viena, Vienne, Wien, Вена, فيينا, Salzburg
AU|Sydney, Sídney, Сидней, سيدني, Melbourne, Мельбурн
BE|Brussels, Bruselas, Bruxelles, Brüssel, Брюссель
BR|Rio de Janeiro, Рио-де-Жанейро, São Paulo, Сан-Паулу
CA|Toronto, Торонто, Vancouver, Ванкувер, Montreal, Montréal
CH|Zurich, Zürich, Цюрих, Geneva, Ginebra, Genève, Genf, Женева
CN|Beijing, Pekín, Pékin, Peking, Пекин, بكين, Shanghai, Шанхай, Shenzhen, Guangzhou
CO|Bogotá, Cartagena, Medellín
CU|Havana, La Habana, La Havane, Гавана, Varadero, Варадеро
CZ|Prague, Praga, Prag, Прага, براغ
DE|Berlin, Berlín, Берлин, برلين, Munich, München, Мюнхен, Frankfurt, Hamburg
DK|Copenhagen, Kopenhagen, Копенгаген
DO|Punta Cana, Пунта-Кана
EG|Cairo, El Cairo, Le Caire, Kairo, Каир, القاهرة, Hurghada, Хургада, الغردقة, Sharm el-Sheikh, Шарм-эль-Шейх, شرم الشيخ
ES|Madrid, Мадрид, مدريد, Barcelona, Barcelone, Барселона, برشلونة, Tenerife, Teneriffa, Тенерифе, Mallorca, Majorca, Majorque, Майорка, Ibiza, Ибица, Canary Islands, Canarias, Îles Canaries, Kanaren, Kanarische Inseln, Канары, Gran Canaria, Malaga, Málaga, Seville, Sevilla, Valencia
FI|Helsinki, Хельсинки
FR|Paris, París, Париж, باريس, Nice, Ницца, Lyon, Marseille, Corsica, Corse, Korsika
GB|London, Londres, Londra, Лондон, لندن, Edinburgh, Manchester
GE|Tbilisi, Tiflis, Тбилиси, Batumi, Батуми
GR|Athens, Atenas, Athènes, Athen, Афины, أثينا, Crete, Creta, Crète, Kreta, Крит, Santorini, Санторини, Rhodes, Rodas, Rhodos, Родос, Corfu, Korfu
HR|Dubrovnik, Дубровник, Zagreb, Split
HU|Budapest, Будапешт, بودابست
ID|Bali, Бали, بالي, Jakarta, Yakarta, Джакарта, جاكرتا, Lombok
IE|Dublin, Dublín, Дублин
IL|Tel Aviv, Тель-Авив, Jerusalem, Jerusalén, Иерусалим, القدس
IN|Goa, Гоа, Delhi, New Delhi, Дели, دلهي, Mumbai, Bombay, Мумбаи
IS|Reykjavik, Рейкьявик
IT|Rome, Roma, Rom, Рим, روما, Milan, Milán, Mailand, Милан, ميلانو, Venice, Venecia, Venise, Venedig, Венеция, Florence, Florencia, Florenz, Флоренция, Sicily, Sicilia, Sicile, Sizilien, Сицилия, Sardinia, Cerdeña, Sardaigne, Sardinien, Naples, Neapel
JP|Tokyo, Tokio, Токио, طوكيو, Osaka, Осака, Kyoto, Kioto, Киото, Okinawa, Окинава, Sapporo
KE|Nairobi, Найроби
KH|Angkor, Siem Reap, Phnom Penh
KR|Seoul, Seúl, Séoul, Сеул, سيول, Busan, Пусан, Jeju
LK|Colombo, Коломбо
MA|Marrakech, Marrakesh, Marrakesch, Марракеш, مراكش, Casablanca, Касабланка, الدار البيضاء, Agadir
MX|Cancun, Cancún, Канкун, Mexico City, Ciudad de México, Tulum, Playa del Carmen
MY|Kuala Lumpur, Куала-Лумпур, كوالالمبور, Langkawi, Borneo
NG|Lagos
NL|Amsterdam, Ámsterdam, Амстердам, أمستردام, Rotterdam
NO|Oslo, Осло
NP|Kathmandu, Katmandú, Everest
NZ|Auckland, Окленд
PE|Lima, Cusco, Machu Picchu
PH|Manila, Manille, Манила, Boracay, Боракай, Cebu
PL|Warsaw, Varsovia, Varsovie, Warschau, Варшава, Krakow, Kraków, Cracovia, Cracovie, Krakau
PT|Lisbon, Lisboa, Lisbonne, Lissabon, Лиссабон, لشبونة, Madeira, Мадейра, Porto, Azores, Azoren, Algarve
QA|Doha, Доха, الدوحة
RO|Bucharest, Bucarest, Bukarest
RS|Belgrade, Belgrado, Belgrad, Белград
RU|Moscow, Moscú, Moscou, Moskau, Москва, موسكو, Saint Petersburg, San Petersburgo, Sankt Petersburg, Санкт-Петербург
SA|Riyadh, Riad, Riyad, Эр-Рияд, الرياض, Mecca, La Meca, La Mecque, Mekka, Мекка, مكة, Medina, المدينة المنورة, Jeddah, جدة
SE|Stockholm, Estocolmo, Стокгольм
TH|Bangkok, Бангкок, بانكوك, Phuket, Пхукет, بوكيت, Pattaya, Паттайя, باتايا, Koh Samui, Samui, Самуи, Krabi, Краби, Chiang Mai, Чиангмай
TN|Djerba, Джерба, جربة, Sousse
TR|Istanbul, Estambul, Стамбул, إسطنبول, Antalya, Анталья, Анталия, أنطاليا, Cappadocia, Capadocia, Kappadokien, Bodrum, Бодрум, Alanya, Аланья, Izmir, Ankara, Kemer
TZ|Kilimanjaro, Dar es Salaam
UA|Kyiv, Kiev, Kiew, Киев
US|New York, Nueva York, Нью-Йорк, نيويورك, Los Angeles, Los Ángeles, Лос-Анджелес, Miami, Майами, ميامي, Las Vegas, Лас-Вегас, San Francisco, Hawaii, Hawái, Hawaï, Гавайи, Orlando, Florida, California, Chicago
VN|Hanoi, Hanói, Ханой, Ho Chi Minh, Saigon, Хошимин, Nha Trang, Нячанг, Da Nang, Дананг, Phu Quoc, Фукуок
ZA|Cape Town, Ciudad del Cabo, Le Cap, Kapstadt, Кейптаун, Johannesburg
`

// otherRegionNames are further names of regions whose names the locales have.
const otherRegionNames = `
europe|EU, European Union, Unión Europea, Union européenne, Europäische Union, Евросоюз, ЕС
gulf|GCC, Gulf region, Gulf countries, Persian Gulf, الخليج, الخليج العربي
middle-east|Near East, MENA, Proche-Orient
nordics|Scandinavia, Escandinavia, Scandinavie, Skandinavien, Скандинавия
oceania|Australia and Oceania, Pacific
latin-america|LATAM, Latam
southeast-asia|South East Asia, South-East Asia, SEA
americas|The Americas
caribbean|Antilles, Антильские острова
global|Global, World, Worldwide, Mundo, Global plan, International, Mundial, Monde, Welt, Мир, Глобальный, عالمي, العالم
`

// families are the letters of the providers' region codes and what we call those regions.
const families = "EU europe AS asia AF africa NA north-america SA south-america LA latin-america LATAM latin-america AM americas " +
	"ME middle-east GCC gulf CB caribbean OC oceania BK balkans CAS central-asia SEA southeast-asia CN china"

// table reads lines of "KEY|name, name".
func table(text string) map[string][]string {
	names := map[string][]string{}
	for line := range strings.Lines(text) {
		key, list, ok := strings.Cut(strings.TrimSpace(line), "|")
		if ok {
			names[key] = strings.Split(list, ", ")
		}
	}
	return names
}
