import gzip
import zlib

from hypothesis import given
from hypothesis import strategies as st

from isocenter.archive.gzip_pieces import Piece, gzip_stream

CONTENTS = st.lists(st.binary(max_size=300), max_size=6)


@given(CONTENTS, st.sampled_from([0, 1, 6]))
def test_pieces_together_are_one_member(contents: list[bytes], level: int) -> None:
    stream = gzip_stream(Piece.of(content, level) for content in contents)
    # A decoder that stops after the first member, as those of browsers do.
    decoder = zlib.decompressobj(zlib.MAX_WBITS | 16)
    assert decoder.decompress(stream) == b"".join(contents)
    assert decoder.eof
    assert decoder.unused_data == b""
    assert gzip.decompress(stream) == b"".join(contents)


@given(CONTENTS)
def test_pieces_are_read_as_they_were_written(contents: list[bytes]) -> None:
    pieces = [Piece.of(content, 6) for content in contents]
    written = b"".join(piece.to_bytes() for piece in pieces)
    assert list(Piece.read_all(written)) == pieces
    assert [piece.content() for piece in pieces] == contents


def test_a_large_piece_has_the_right_checksum() -> None:
    contents = [bytes(3_000_001), b"x" * 77, bytes(range(256)) * 5000]
    stream = gzip_stream(Piece.of(content, 1) for content in contents)
    assert gzip.decompress(stream) == b"".join(contents)
