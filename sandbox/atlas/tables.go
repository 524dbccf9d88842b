package atlas

// regions lists code, name, tier and members.
const regions = `
EU-30|Europe|1|AT BE BG HR CY CZ DK EE FI FR DE GR HU IS IE IT LV LT LU MT NL NO PL PT RO SK SI ES SE GB
EU-42|Europe|2|AT BE BG HR CY CZ DK EE FI FR DE GR HU IS IE IT LV LT LU MT NL NO PL PT RO SK SI ES SE GB CH LI AL BA ME MK RS TR UA GI MD JE
BK-7|Balkans|2|AL BA BG HR ME MK RS
AS-12|Asia|2|KH CN HK ID JP MO MY SG KR TW TH VN
AS-20|Asia|2|KH CN HK ID JP MO MY SG KR TW TH VN PH LA IN LK BD NP PK MN
CN-3|China mainland, Hong Kong and Macao|1|CN HK MO
CAS-4|Central Asia|3|KZ KG TJ UZ
GCC-6|Gulf|3|AE BH KW OM QA SA
ME-12|Middle East|3|AE BH EG IL IQ JO KW LB OM QA SA TR
AF-29|Africa|4|DZ BJ BW BF CM TD CG CD CI EG GA GH GN KE LR MG MW ML MU MA NE NG RW SN SC ZA TZ TN UG
NA-3|North America|2|US CA MX
SA-18|South America|3|AR BO BR CL CO CR DO EC SV GT HN MX NI PA PY PE UY GY
CB-25|Caribbean|4|AG AI AW BB BM BS BQ CW DM DO GD GP GY HT JM KN KY LC MF MQ MS PR SR TC TT
OC-6|Oceania|3|AU NZ FJ PG WS TO
`

// countries lists ISO code, Mobilexy's name, tier, speed and operators.
const countries = `
AF|Afghanistan|4|3G|Etisalat
AX|Aland Islands|3|4G/5G|Alcom, Telia
AL|Albania|2|4G/5G|Vodafone, One
DZ|Algeria|3|4G|Djezzy, Mobilis, Ooredoo
AS|American Samoa|4|4G|Bluesky
AD|Andorra|3|4G|Andorra Telecom
AO|Angola|4|4G|Unitel
AI|Anguilla|4|4G|Digicel, FLOW
AG|Antigua and Barbuda|4|4G|Digicel, FLOW
AR|Argentina|2|4G/5G|Claro, Movistar, Personal
AM|Armenia|2|4G|Team Telecom, Ucom, Viva
AW|Aruba|4|4G|Digicel, Setar
AU|Australia|1|4G/5G|Telstra, Optus, Vodafone
AT|Austria|1|4G/5G|A1, Magenta, Drei
AZ|Azerbaijan|2|4G|Azercell, Bakcell
BS|Bahamas|4|4G|BTC, Aliv
BH|Bahrain|3|4G/5G|Batelco, stc, Zain
BD|Bangladesh|2|4G|Grameenphone, Robi, Banglalink
BB|Barbados|4|4G|Digicel, FLOW
BY|Belarus|3|4G|A1, MTS
BE|Belgium|1|4G/5G|Proximus, Orange, BASE
BZ|Belize|4|4G|DigiCell
BJ|Benin|4|4G|MTN, Moov
BM|Bermuda|4|4G|Digicel, One
BO|Bolivia|3|4G|Entel, Tigo, Viva
BQ|Bonaire|4|4G|Digicel, FLOW
BA|Bosnia and Herzegovina|2|4G|BH Telecom, m:tel, HT Eronet
BW|Botswana|4|4G|Mascom, Orange
BR|Brazil|2|4G/5G|Vivo, Claro, TIM
VG|British Virgin Islands|4|4G|CCT, Digicel, FLOW
BN|Brunei Darussalam|3|4G/5G|DST, Progresif
BG|Bulgaria|1|4G/5G|A1, Vivacom, Yettel
BF|Burkina Faso|4|4G|Orange, Moov
KH|Cambodia|2|4G|Metfone, Smart, Cellcard
CM|Cameroon|4|4G|MTN, Orange
CA|Canada|2|4G/5G|Rogers, Bell, Telus
CV|Cape Verde|4|4G|CVMovel, Unitel T+
KY|Cayman Islands|4|4G|Digicel, FLOW
CF|Central African Republic|4|3G|Orange
TD|Chad|4|4G|Airtel, Moov
CL|Chile|2|4G/5G|Entel, Movistar, Claro, WOM
CN|China|1|4G/5G|China Unicom, China Mobile, China Telecom
CO|Colombia|2|4G/5G|Claro, Movistar, Tigo
CG|Congo|4|4G|Airtel, MTN
CD|Congo, Democratic Republic|4|4G|Vodacom, Airtel, Orange
CR|Costa Rica|2|4G|Kolbi, Liberty, Claro
CI|Ivory Coast|4|4G|Orange, MTN, Moov
HR|Croatia|1|4G/5G|A1, Hrvatski Telekom, Telemach
CU|Cuba|4|4G|Cubacel
CW|Curacao|4|4G|Digicel, FLOW
CY|Cyprus|1|4G/5G|Cyta, Epic, PrimeTel
CZ|Czech Republic|1|4G/5G|O2, T-Mobile, Vodafone
DK|Denmark|1|4G/5G|TDC, Telenor, Telia, 3
DJ|Djibouti|4|4G|Evatis
DM|Dominica|4|4G|Digicel, FLOW
DO|Dominican Republic|3|4G/5G|Claro, Altice, Viva
EC|Ecuador|3|4G|Claro, Movistar
EG|Egypt|2|4G/5G|Vodafone, Orange, Etisalat, WE
SV|El Salvador|3|4G|Claro, Tigo, Movistar
EE|Estonia|1|4G/5G|Telia, Elisa, Tele2
SZ|Swaziland|4|4G|MTN
ET|Ethiopia|4|4G|Ethio Telecom, Safaricom
FO|Faroe Islands|3|4G/5G|Foroya Tele, Nema
FJ|Fiji|3|4G|Vodafone, Digicel
FI|Finland|1|4G/5G|Elisa, DNA, Telia
FR|France|1|4G/5G|Orange, SFR, Bouygues, Free
GF|French Guiana|3|4G|Orange, Digicel, SFR
PF|French Polynesia|4|4G|Vini, Vodafone
GA|Gabon|4|4G|Airtel, Moov
GM|Gambia|4|4G|Africell, QCell
GE|Georgia|2|4G/5G|Magti, Silknet, Cellfie
DE|Germany|1|4G/5G|Telekom, Vodafone, O2
GH|Ghana|3|4G|MTN, Telecel, AT
GI|Gibraltar|2|4G/5G|Gibtelecom
GR|Greece|1|4G/5G|Cosmote, Vodafone, Nova
GL|Greenland|4|4G|Tusass
GD|Grenada|4|4G|Digicel, FLOW
GP|Guadeloupe|3|4G/5G|Orange, Digicel, SFR
GU|Guam|2|4G/5G|GTA, IT&E, Docomo Pacific
GT|Guatemala|3|4G|Claro, Tigo
GG|Guernsey|2|4G|Sure, Airtel-Vodafone, JT
GN|Guinea|4|4G|Orange, MTN
GY|Guyana|4|4G|GTT, Digicel
HT|Haiti|4|4G|Digicel, Natcom
HN|Honduras|3|4G|Claro, Tigo
HK|Hong Kong (China)|1|4G/5G|csl, 3, SmarTone, China Mobile
HU|Hungary|1|4G/5G|Magyar Telekom, Yettel, One
IS|Iceland|1|4G/5G|Siminn, Nova, Syn
IN|India|2|4G/5G|Airtel, Jio, Vi
ID|Indonesia|1|4G/5G|Telkomsel, XL, Indosat
IR|Iran|4|4G|MCI, Irancell
IQ|Iraq|3|4G|Zain, Asiacell, Korek
IE|Ireland|1|4G/5G|Vodafone, Three, Eir
IM|Isle of Man|2|4G|Manx Telecom, Sure
IL|Israel|1|4G/5G|Partner, Cellcom, Pelephone, HOT Mobile
IT|Italy|1|4G/5G|TIM, Vodafone, WINDTRE, Iliad
JM|Jamaica|3|4G|Digicel, FLOW
JP|Japan|1|4G/5G|KDDI/au, SoftBank, NTT Docomo
JE|Jersey|2|4G/5G|JT, Sure, Airtel-Vodafone
JO|Jordan|3|4G/5G|Zain, Orange, Umniah
KZ|Kazakhstan|2|4G/5G|Kcell, Beeline, Tele2
KE|Kenya|3|4G/5G|Safaricom, Airtel
XK|Kosovo|2|4G/5G|Vala, IPKO
KW|Kuwait|2|4G/5G|Zain, Ooredoo, stc
KG|Kyrgyzstan|2|4G|Beeline, MegaCom, O!
LA|Laos|2|4G|Unitel, Lao Telecom, ETL
LV|Latvia|1|4G/5G|LMT, Tele2, Bite
LB|Lebanon|4|4G|Alfa, touch
LS|Lesotho|4|4G|Vodacom, Econet
LR|Liberia|4|4G|Orange, Lonestar
LY|Libya|4|4G|Libyana, Al-Madar
LI|Liechtenstein|1|4G/5G|FL1, Swisscom, Salt
LT|Lithuania|1|4G/5G|Telia, Bite, Tele2
LU|Luxembourg|1|4G/5G|POST, Tango, Orange
MO|Macao (China)|1|4G/5G|CTM, 3, China Telecom
MK|Macedonia|2|4G/5G|Makedonski Telekom, A1
MG|Madagascar|4|4G|Telma, Orange, Airtel
MW|Malawi|4|4G|Airtel, TNM
MY|Malaysia|1|4G/5G|CelcomDigi, Maxis, U Mobile
MV|Maldives|3|4G/5G|Dhiraagu, Ooredoo
ML|Mali|4|4G|Orange, Moov
MT|Malta|1|4G/5G|Epic, GO, Melita
MQ|Martinique|3|4G/5G|Orange, Digicel, SFR
MR|Mauritania|4|4G|Moov, Mattel
MU|Mauritius|3|4G/5G|my.t, Emtel
MX|Mexico|2|4G/5G|Telcel, Movistar, AT&T
MD|Moldova|2|4G|Orange, Moldcell
MC|Monaco|3|4G/5G|Monaco Telecom
MN|Mongolia|3|4G|Unitel, Mobicom, Skytel
ME|Montenegro|2|4G/5G|Crnogorski Telekom, One, m:tel
MS|Montserrat|4|4G|Digicel, FLOW
MA|Morocco|2|4G|Maroc Telecom, Orange, inwi
MZ|Mozambique|4|4G|Vodacom, Movitel
MM|Myanmar|4|4G|ATOM, Ooredoo, MPT
NA|Namibia|4|4G|MTC
NP|Nepal|3|4G|Ncell, Nepal Telecom
NL|Netherlands|1|4G/5G|KPN, Vodafone, Odido
NC|New Caledonia|4|4G|OPT
NZ|New Zealand|1|4G/5G|Spark, One NZ, 2degrees
NI|Nicaragua|3|4G|Claro, Tigo
NE|Niger|4|4G|Airtel, Zamani
NG|Nigeria|3|4G/5G|MTN, Airtel, Glo
NO|Norway|1|4G/5G|Telenor, Telia, Ice
OM|Oman|3|4G/5G|Omantel, Ooredoo, Vodafone
PK|Pakistan|2|4G|Jazz, Zong, Telenor
PS|Palestine|3|4G|Jawwal, Ooredoo
PA|Panama|3|4G|Tigo, Mas Movil, Digicel
PG|Papua New Guinea|4|4G|Digicel, Vodafone
PY|Paraguay|3|4G|Tigo, Personal, Claro
PE|Peru|2|4G/5G|Claro, Movistar, Entel, Bitel
PH|Philippines|2|4G/5G|Globe, Smart, DITO
PL|Poland|1|4G/5G|Orange, Play, Plus, T-Mobile
PT|Portugal|1|4G/5G|MEO, NOS, Vodafone
PR|Puerto Rico|1|4G/5G|T-Mobile, Liberty, Claro
QA|Qatar|2|4G/5G|Ooredoo, Vodafone
RE|Reunion|3|4G/5G|Orange, SFR, Free
RO|Romania|1|4G/5G|Orange, Vodafone, Digi
RU|Russia|3|4G|MTS, Beeline, MegaFon, T2
RW|Rwanda|4|4G|MTN, Airtel
BL|Saint Barthelemy|4|4G|Orange, Digicel
KN|Saint Kitts and Nevis|4|4G|Digicel, FLOW
LC|Saint Lucia|4|4G|Digicel, FLOW
MF|Saint Martin (French Part)|4|4G|Orange, Digicel
VC|Saint Vincent and the Grenadines|4|4G|Digicel, FLOW
WS|Samoa|4|4G|Digicel, Vodafone
SM|San Marino|2|4G/5G|TIM San Marino
SA|Saudi Arabia|2|4G/5G|stc, Mobily, Zain
SN|Senegal|4|4G|Orange, Free, Expresso
RS|Serbia|2|4G/5G|mts, Yettel, A1
SC|Seychelles|4|4G/5G|Airtel, Cable & Wireless
SG|Singapore|1|4G/5G|SingTel, StarHub, M1
SX|Sint Maarten|4|4G|FLOW, TelEm
SK|Slovakia|1|4G/5G|Orange, Telekom, O2
SI|Slovenia|1|4G/5G|A1, Telekom Slovenije, Telemach
ZA|South Africa|2|4G/5G|Vodacom, MTN, Cell C, Telkom
KR|South Korea|1|4G/5G|SKTelecom, LG U+, KT
ES|Spain|1|4G/5G|Movistar, Orange, Vodafone, Yoigo
LK|Sri Lanka|2|4G|Dialog, SLTMobitel, Hutch
SD|Sudan|4|4G|Zain, MTN
SR|Suriname|4|4G|Telesur, Digicel
SE|Sweden|1|4G/5G|Telia, Tele2, Telenor, 3
CH|Switzerland|1|4G/5G|Swisscom, Sunrise, Salt
TW|Taiwan|1|4G/5G|Chunghwa, Taiwan Mobile, FarEasTone
TJ|Tajikistan|3|4G|Tcell, MegaFon, Babilon
TZ|Tanzania|3|4G/5G|Vodacom, Airtel, Yas
TH|Thailand|1|4G/5G|AIS, DTAC, TrueMove H
TG|Togo|4|4G|Togocom, Moov
TO|Tonga|4|4G|Digicel, U-Call
TT|Trinidad and Tobago|4|4G|Digicel, bmobile
TN|Tunisia|2|4G/5G|Ooredoo, Orange, Tunisie Telecom
TR|Turkey|1|4G|Turkcell, Vodafone, Turk Telekom
TC|Turks and Caicos Islands|4|4G|Digicel, FLOW
UG|Uganda|4|4G/5G|MTN, Airtel
UA|Ukraine|1|4G|Kyivstar, Vodafone, lifecell
AE|United Arab Emirates|2|4G/5G|Etisalat, du
GB|United Kingdom|1|4G/5G|EE, O2, Three, Vodafone
US|United States|1|4G/5G|AT&T, T-Mobile, Verizon
VI|United States Virgin Islands|2|4G/5G|AT&T, T-Mobile, Liberty
UY|Uruguay|3|4G/5G|Antel, Movistar, Claro
UZ|Uzbekistan|2|4G/5G|Ucell, Beeline, Mobiuz
VA|Vatican City|2|4G/5G|TIM, Vodafone, WINDTRE
VE|Venezuela|4|4G|Movistar, Digitel
VN|Vietnam|1|4G/5G|Viettel Mobile, Vinaphone, MobiFone, Vietnamobile
YE|Yemen|4|4G|Yemen Mobile, YOU
ZM|Zambia|4|4G|MTN, Airtel, Zamtel
ZW|Zimbabwe|4|4G|Econet, NetOne
`
