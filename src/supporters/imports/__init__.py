"""Lists of others into our domains: mapped, previewed, each row's fault kept, undone as one batch.

A file is text in columns until a person has said what each column means and on what basis these people agreed. Reading it
(`csv_file`, `xlsx_file`, `columns`, `rows`) is pure; `actions` move a batch on, `jobs` take its rows in portions that survive a
kill. Nobody who is suppressed or has stopped is ever taken in, whatever the file says. The file is erased when its batch ends.
"""
