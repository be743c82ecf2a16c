import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.charset import convert_encodings, decode_bytes
from pydicom.charset import encode_string as pydicom_encode
from pydicom.valuerep import PN_DELIMS
from tests.dicom import corpus

from isocenter.dicom import character_set, decode

# Names from PS3.5 annexes H to K, encoded as printed there.
EXAMPLES = [
    (
        ["", "ISO 2022 IR 87"],
        b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B",
        "Yamada^Tarou=山田^太郎=やまだ^たろう",
    ),
    (
        ["ISO 2022 IR 13", "ISO 2022 IR 87"],
        b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J"
        b"=\x1b$B$d$^$@\x1b(J^\x1b$B$?$m$&\x1b(J",
        "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう",
    ),
    (
        ["", "ISO 2022 IR 149"],
        b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7=\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf",
        "Hong^Gildong=洪^吉洞=홍^길동",
    ),
    (
        ["", "ISO 2022 IR 58"],
        b"Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab=",
        "Zhang^XiaoDong=张^小东=",
    ),
    (["ISO_IR 192"], "Wang^XiaoDong=王^小東=".encode(), "Wang^XiaoDong=王^小東="),
    (["GB18030"], "Wang^XiaoDong=王^小东=".encode("gb18030"), "Wang^XiaoDong=王^小东="),
    (["GBK"], "Wang^XiaoDong=王^小东=".encode("gbk"), "Wang^XiaoDong=王^小东="),
    (["ISO_IR 100"], b"Buc^J\xe9r\xf4me", "Buc^Jérôme"),
    (["ISO_IR 101"], b"Wa\xb3\xeasa", "Wałęsa"),
    (["ISO_IR 109"], b"antaa\xfe\xb6a", "antaaŝĥa"),
    (["ISO_IR 110"], b"V\xe0rzi\xf2\xb9", "Vārziōš"),
    (["ISO_IR 144"], b"\xbb\xee\xdace\xdc\xd1y\xe0\xd3", "Люкceмбyрг"),
    (["ISO_IR 127"], b"\xe2\xc8\xc7\xe6\xea^\xe4\xe6\xd2\xc7\xd1", "قباني^لنزار"),
    (["ISO_IR 126"], b"\xc4\xe9\xef\xed\xf5\xf3\xe9\xef\xf2", "Διονυσιος"),
    (["ISO_IR 138"], b"\xf9\xf8\xe5\xef^\xe3\xe1\xe5\xf8\xe4", "שרון^דבורה"),
    (["ISO_IR 148"], b"\xc7avu\xfeo\xf0lu", "Çavuşoğlu"),
    (["ISO_IR 166"], b"\xb9\xd2\xc2", "นาย"),
    (["ISO_IR 203"], b"\xa4 \xbd", "€ œ"),
    (["ISO_IR 13"], b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3", "ﾔﾏﾀﾞ^ﾀﾛｳ"),
    (
        ["ISO 2022 IR 100", "ISO 2022 IR 144", "ISO 2022 IR 126"],
        b"Dionysios=\x1b-F\xc4\xe9\xef^\xe9=\x1b-L\xbb\xee",
        "Dionysios=Διο^é=Лю",
    ),
    (["", "ISO 2022 IR 203"], b"\xa4 \x1b-b\xa4 \xbd", "¤ € œ"),
    (
        ["ISO 2022 IR 6", "ISO 2022 IR 87", "ISO 2022 IR 159"],
        b"\x1b$(D\x30\x21\x1b(B^\x1b$B;3\x1b(B",
        "丂^山",
    ),
]
CORPUS = [path for path in corpus.files() if path.name.startswith("chr")]
REPERTOIRES = [
    ("ISO_IR 100", "latin-1"),
    ("ISO_IR 101", "iso8859-2"),
    ("ISO_IR 144", "iso8859-5"),
    ("ISO_IR 126", "iso8859-7"),
    ("ISO_IR 148", "iso8859-9"),
    ("ISO_IR 192", "utf-8"),
    ("GB18030", "gb18030"),
]


@pytest.mark.parametrize(("terms", "raw", "text"), EXAMPLES, ids=lambda value: str(value)[:30])
def test_names_in_every_character_set_are_decoded(terms: list[str], raw: bytes, text: str) -> None:
    assert decode(raw, terms, name=True) == text


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.name)
def test_files_of_all_alphabets_are_decoded_as_pydicom_does(path: object) -> None:
    dataset = corpus.read(corpus.Path(str(path)))
    terms = dataset.get("SpecificCharacterSet") or ""
    terms = [terms] if isinstance(terms, str) else list(terms)
    element = dataset.get_item(0x00100010)
    if element is not None:
        reference = decode_bytes(element.value, convert_encodings(terms), PN_DELIMS)
        assert decode(element.value, terms, name=True) == reference


@pytest.mark.parametrize(("term", "codec"), REPERTOIRES)
@given(data=st.data())
def test_text_in_a_single_set_survives(term: str, codec: str, data: st.DataObject) -> None:
    alphabet = st.characters(exclude_categories=["Cs"])
    if codec not in {"utf-8", "gb18030"}:
        alphabet = st.sampled_from(bytes(range(32, 256)).decode(codec, "ignore"))
    text = data.draw(st.text(alphabet, max_size=50))
    assert decode(text.encode(codec), [term]) == text


@given(
    st.lists(
        st.sampled_from(["Yamada", "山田", "やまだ", "洪吉洞", "홍길동", "Люк", "Διο", " ", "12"]),
        max_size=6,
    )
)
def test_text_that_pydicom_encodes_with_extensions_survives(words: list[str]) -> None:
    terms = [f"ISO 2022 IR {n}" for n in (6, 87, 149, 144, 126)]
    raw = b"^".join(pydicom_encode(word, convert_encodings(terms)) for word in words)
    assert decode(raw, terms, name=True) == "^".join(words)


def test_a_delimiter_switches_back_to_the_first_set() -> None:
    terms = ["ISO 2022 IR 100", "ISO 2022 IR 144"]
    assert decode(b"\x1b-L\xbb^\xe9", terms, name=True) == "Л^é"
    assert decode(b"\x1b-L\xbb^\xe9", terms) == "Л^щ"
    assert decode(b"\x1b-L\xbb\\\xe9\r\n\xe9", terms) == "Л\\é\r\né"


@pytest.mark.parametrize(
    "term", ["ISO_IR 192", "ISO IR 192", "ISO-IR 192", "ISO_IR_192", "iso_ir 192 ", "UTF-8"]
)
def test_sloppy_spellings_are_understood(term: str) -> None:
    assert decode("ä".encode(), [term]) == "ä"


@pytest.mark.parametrize("terms", [[], [""], ["NONSENSE"], ["ISO_IR 9999"]])
def test_without_a_known_set_bytes_beyond_ascii_are_latin(terms: list[str]) -> None:
    assert decode(b"J\xe9r\xf4me", terms) == "Jérôme"


@given(
    st.lists(
        st.sampled_from(
            ["", "ISO_IR 100", "ISO 2022 IR 13", "ISO 2022 IR 87", "ISO 2022 IR 149"]
            + ["ISO 2022 IR 58", "ISO_IR 192", "GB18030", "GBK", "X"]
        ),
        max_size=4,
    ),
    st.binary(max_size=64) | st.text("\x1b$()BCDIJAL-abcé", max_size=40).map(str.encode),
    st.booleans(),
)
def test_no_bytes_are_an_error(terms: list[str], raw: bytes, name: bool) -> None:
    assert isinstance(character_set(terms).decode(raw, name=name), str)
