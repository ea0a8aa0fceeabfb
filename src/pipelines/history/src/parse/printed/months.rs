//! The names of months, as far as pages print them. The source is CLDR's medium date format, cut to what is needed to
//! tell a language's own months apart.

/// How the names of the twelve months begin, in lower case; alternatives stand behind a `|`.
pub(super) type Language = [&'static str; 12];

/// Where two languages use one beginning for different months (`lip`, `lis`, `srp`), each has a row of its own.
const LANGUAGES: &[Language] = &[
    // en, and what da, de, nb, nl, sv, id, ms, tr (Latin) and others share with it
    [
        "jan",
        "feb",
        "mar|mrt|mär|maa",
        "apr",
        "may|mai|maj|mei",
        "jun",
        "jul",
        "aug|ags|ogos",
        "sep|sept",
        "oct|okt",
        "nov",
        "dec|dez|des",
    ],
    // fr
    ["janv", "févr", "mars", "avr", "mai", "juin", "juil", "août", "sept", "oct", "nov", "déc"],
    // es, pt, gl, ca
    [
        "ene|jan|xan|gen",
        "feb|fev|febr",
        "mar|març",
        "abr",
        "may|mai|maig",
        "jun|xuñ",
        "jul|xul",
        "ago|ag",
        "sep|set",
        "oct|out",
        "nov",
        "dic|dez|dec|des",
    ],
    // it
    ["gen", "feb", "mar", "apr", "mag", "giu", "lug", "ago", "set", "ott", "nov", "dic"],
    // ro
    ["ian", "feb", "mar", "apr", "mai", "iun", "iul", "aug", "sept", "oct", "nov|noi", "dec"],
    // pl
    ["sty", "lut", "mar", "kwi", "maj", "cze", "lip", "sie", "wrz", "paź", "lis", "gru"],
    // cs
    ["led", "úno", "bře", "dub", "kvě", "čvn|červn", "čvc|červenc", "srp", "zář", "říj", "lis", "pro"],
    // hr
    ["sij", "velj", "ožu", "tra", "svi", "lip", "srp", "kol", "ruj", "lis", "stu", "pro"],
    // sk, sl, sr (Latin), bs
    ["jan", "feb", "mar", "apr", "máj|maj", "jún|jun", "júl|jul", "aug|avg", "sep", "okt", "nov", "dec"],
    // hu
    ["jan", "feb", "márc", "ápr", "máj", "jún", "júl", "aug", "szept", "okt", "nov", "dec"],
    // fi
    ["tammi", "helmi", "maalis", "huhti", "touko", "kesä", "heinä", "elo", "syys", "loka", "marras", "joulu"],
    // et
    ["jaan", "veebr", "märts", "apr", "mai", "juuni", "juuli", "aug", "sept", "okt", "nov", "dets"],
    // lv
    ["janv", "febr", "marts", "apr", "maijs", "jūn", "jūl", "aug", "sept", "okt", "nov", "dec"],
    // lt
    ["saus", "vas", "kov", "bal", "geg", "birž", "liep", "rugp", "rugs", "spal", "lapkr", "gruod"],
    // tr, az
    [
        "oca|yan", "şub|fev", "mar", "nis|apr", "may", "haz|iyn", "tem|iyl", "ağu|avq", "eyl|sen", "eki|okt",
        "kas|noy", "ara|dek",
    ],
    // is
    ["jan", "feb", "mar", "apr", "maí", "jún", "júl", "ágú", "sep", "okt", "nóv", "des"],
    // sq
    ["jan", "shk", "mar", "pri", "maj", "qer", "korr", "gush", "sht", "tet", "nën", "dhj"],
    // eu
    ["urt", "ots", "mar", "api", "mai", "eka", "uzt", "abu", "ira", "urr", "aza", "abe"],
    // af, fil, sw
    [
        "jan|ene",
        "feb|peb",
        "mrt|mar|mac",
        "apr|abr",
        "mei|may",
        "jun|hun",
        "jul|hul",
        "aug|ago",
        "sep|set",
        "okt",
        "nov|nob",
        "des|dis",
    ],
    // ru, bg, mk, sr (Cyrillic)
    [
        "янв|јан|јану|яну",
        "фев",
        "мар",
        "апр",
        "мая|май|мај",
        "июн|јун|юни",
        "июл|јул|юли",
        "авг",
        "сен|сеп",
        "окт",
        "ноя|нов|ное",
        "дек|дец",
    ],
    // uk
    ["січ", "лют", "бер", "кві", "тра", "чер", "лип", "сер", "вер", "жов", "лис", "гру"],
    // be
    ["сту", "лют", "сак", "кра", "мая|май", "чэр", "ліп", "жні", "вер", "кас", "ліс", "сне"],
    // kk, mn and others that borrow from Russian write numbers
    // el
    ["ιαν", "φεβ", "μαρ|μάρ", "απρ", "μαΐ|μάι|μαΪ|μαϊ", "ιουν", "ιουλ", "αυγ|αύγ", "σεπ", "οκτ", "νοε|νοέ", "δεκ"],
    // he
    [
        "ינו|בינו",
        "פבר|בפבר",
        "מרץ|מרס|במרץ|במרס",
        "אפר|באפר",
        "מאי|במאי",
        "יוני|ביוני",
        "יולי|ביולי",
        "אוג|באוג",
        "ספט|בספט",
        "אוק|באוק",
        "נוב|בנוב",
        "דצמ|בדצמ",
    ],
    // ar
    [
        "يناير",
        "فبراير",
        "مارس",
        "أبريل|ابريل",
        "مايو",
        "يونيو",
        "يوليو",
        "أغسطس|اغسطس",
        "سبتمبر",
        "أكتوبر|اكتوبر",
        "نوفمبر",
        "ديسمبر",
    ],
    // hi, mr, ne
    [
        "जन|जान",
        "फ़र|फर|फेब",
        "मार्च",
        "अप्र|एप्र",
        "मई|मे",
        "जून|जुन",
        "जुल",
        "अग|ऑग",
        "सित|सप्ट|सेप",
        "अक्टू|अक्तू|ऑक्ट|अक्ट",
        "नव|नोव|नोभ",
        "दिस|डिस",
    ],
    // bn
    ["জানু", "ফেব", "মার্চ", "এপ্রিল", "মে", "জুন", "জুল", "আগ", "সেপ", "অক্ট", "নভে", "ডিসে"],
    // ta
    ["ஜன", "பிப்", "மார்", "ஏப்", "மே", "ஜூன்", "ஜூலை", "ஆக", "செப்", "அக்", "நவ", "டிச"],
    // te
    ["జన", "ఫిబ్ర", "మార్చి", "ఏప్రి", "మే", "జూన్", "జులై", "ఆగ", "సెప్టెం", "అక్టో", "నవం", "డిసెం"],
    // th
    [
        "ม.ค|มกร",
        "ก.พ|กุม",
        "มี.ค|มีน",
        "เม.ย|เมษ",
        "พ.ค|พฤษภ",
        "มิ.ย|มิถ",
        "ก.ค|กรก",
        "ส.ค|สิง",
        "ก.ย|กัน",
        "ต.ค|ตุล",
        "พ.ย|พฤศ",
        "ธ.ค|ธัน",
    ],
    // ka
    ["იან", "თებ", "მარ", "აპრ", "მაი", "ივნ", "ივლ", "აგვ", "სექ", "ოქტ", "ნოე", "დეკ"],
    // hy
    ["հնվ", "փտվ", "մրտ", "ապր", "մյս", "հնս", "հլս", "օգս", "սեպ", "հոկ", "նոյ", "դեկ"],
];

/// The language whose months most of the words are.
pub(super) fn most_likely(words: &[&str]) -> Option<&'static Language> {
    let matches = |language: &Language| words.iter().filter(|word| month_in(word, language).is_some()).count();
    let counted = LANGUAGES.iter().map(|language| (matches(language), language));
    // Of equals the first one, which is the more common.
    counted.filter(|(count, _)| *count > 0).rev().max_by_key(|(count, _)| *count).map(|(_, language)| language)
}

/// The month that a word names, first of all in the language of its page.
pub(super) fn month(word: &str, language: Option<&Language>) -> Option<i16> {
    language.into_iter().chain(LANGUAGES).find_map(|language| month_in(word, language))
}

fn month_in(word: &str, language: &Language) -> Option<i16> {
    // The longest beginning decides: `juin` is not `jui`.
    let fits = |names: &str| names.split('|').filter(|name| word.starts_with(name)).map(str::len).max();
    let (month, _) = (1..)
        .zip(language)
        .filter_map(|(month, names)| Some((month, fits(names)?)))
        .max_by_key(|(_, length)| *length)?;
    Some(month)
}
