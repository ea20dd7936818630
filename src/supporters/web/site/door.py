"""What readers may ask for."""

from supporters.web.site import news, pictures, remind, short
from supporters.web.site.give import give, show_appeal, show_give
from supporters.web.site.thanks import thanks

HANDLERS = [show_give, show_appeal, give, thanks, *news.HANDLERS, *remind.HANDLERS, *short.HANDLERS, *pictures.HANDLERS]
