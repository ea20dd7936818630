"""Any file that a person uploads, as a grid: what it is decides its bytes, not its name. Pure."""

from supporters.imports.csv_file import read_csv
from supporters.imports.grid import MOST_BYTES, MOST_ROWS, FileFault, FileProblem, Grid
from supporters.imports.xlsx_file import is_packed, read_xlsx

CSV, XLSX = "csv", "xlsx"


def kind_of(content: bytes) -> str:
    """What the file is, by its first bytes."""
    return XLSX if is_packed(content) else CSV


def read_file(content: bytes) -> Grid:
    """The rows of the file, at least one below the column names. Raises FileProblem."""
    if not content:
        raise FileProblem(FileFault.EMPTY)
    if len(content) > MOST_BYTES:
        raise FileProblem(FileFault.TOO_LARGE)
    grid = read_xlsx(content) if is_packed(content) else read_csv(content)
    people = grid.body(has_header=grid.looks_like_header())
    if not people:
        raise FileProblem(FileFault.HEADER_ONLY)
    if len(people) > MOST_ROWS:
        raise FileProblem(FileFault.TOO_MANY_ROWS)
    return grid
