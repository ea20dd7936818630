"""What any site may load."""

from supporters.web.embed import files

HANDLERS = [*files.HANDLERS]
