"""How large a model may be before it is refused; every limit can be raised."""

from __future__ import annotations

from dataclasses import dataclass

from sdtheory.errors import LimitError


@dataclass(frozen=True)
class Limits:
    """Bounds that keep a hostile or broken file from filling memory or running for ever.

    Parameters
    ----------
    file_bytes : int
        Size of the file.
    depth : int
        Nesting of brackets (and of XMILE ``if``) in one equation.
    terms : int
        Operands joined by operators in one equation.
    steps : float
        Number of time steps in a run.
    dimension_elements : int
        Elements of one dimension.
    cells : int
        Array cells of all variables together.
    delay_order : int
        Order of a delay or smooth.
    name_length : int
        Characters of a name.
    equation_bytes : int
        Bytes of one equation.
    variables : int
        Number of variables.
    text_length : int
        Characters of all equations together.
    view_elements : int
        Drawn elements of all views together.
    xml_depth, xml_elements : int
        Nesting and number of XML elements.
    xml_attributes : int
        Attributes of one XML element.
    attribute_length : int
        Characters of one XML attribute.
    data_bytes : int
        Size of a data file.
    data_cells : int
        Cells of a data file: of its largest table, rows times columns.
    inflated_bytes : int
        Size of everything in a workbook, unpacked.
    inflation : int
        How many times larger a part of a workbook may be unpacked.
    workbook_parts : int
        Files packed into a workbook.
    experiment_bytes : int
        Size of an experiment file, each that it includes counted alone.
    results_bytes : int
        Room that the results of one call may take in memory.

    Examples
    --------
    >>> Limits(depth=200).depth
    200
    """

    file_bytes: int = 20_000_000
    depth: int = 100
    terms: int = 5_000
    steps: float = 1e7
    dimension_elements: int = 100_000
    cells: int = 10_000_000
    delay_order: int = 1_000
    name_length: int = 512
    equation_bytes: int = 65_536
    variables: int = 50_000
    view_elements: int = 20_000
    xml_depth: int = 200
    xml_elements: int = 500_000
    xml_attributes: int = 1_000
    attribute_length: int = 1_000_000
    text_length: int = 5_000_000
    data_bytes: int = 100_000_000
    data_cells: int = 5_000_000
    inflated_bytes: int = 200_000_000
    inflation: int = 200
    workbook_parts: int = 1_000
    experiment_bytes: int = 1_000_000
    results_bytes: int = 4_000_000_000


def beyond(what: str, limit: float, name: str, file: str, line: int, column: int) -> LimitError:
    """The error for something beyond a limit; `name` is the limit's field.

    Examples
    --------
    >>> print(beyond("more variables", 50_000, "variables", "a.mdl", 9, 1))
    a.mdl:9:1: more variables than the limit of 50,000; raise it with limits=Limits(variables=...)
    """
    return LimitError(
        f"{what} than the limit of {limit:,}",
        file=file,
        line=line,
        column=column,
        remedy=f"raise it with limits=Limits({name}=...)",
    )
