"""Words that a variable cannot be called."""

from sdtheory.documents.words import PREDEFINED, RESERVED
from sdtheory.model.functions import FUNCTIONS


def test_every_function_of_the_table_is_reserved_in_its_format():
    for function in FUNCTIONS.values():
        for format, name in (("vensim", function.vensim), ("xmile", function.xmile)):
            assert not name or name.casefold() in RESERVED[format], name


def test_predefined_names_are_reserved():
    for format, names in PREDEFINED.items():
        assert set(names) <= RESERVED[format]
