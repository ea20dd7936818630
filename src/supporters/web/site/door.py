"""What readers may ask for."""

from supporters.web.site import (
    giving,
    giving_card,
    giving_done,
    giving_link,
    me,
    me_details,
    monthly,
    news,
    other_ways,
    pictures,
    remind,
    short,
    sign_in,
    statement,
)
from supporters.web.site.give import give, show_appeal, show_give
from supporters.web.site.thanks import thanks

HANDLERS = [
    show_give,
    show_appeal,
    give,
    thanks,
    *monthly.HANDLERS,
    *news.HANDLERS,
    *remind.HANDLERS,
    *other_ways.HANDLERS,
    *short.HANDLERS,
    *pictures.HANDLERS,
    *sign_in.HANDLERS,
    *me.HANDLERS,
    *me_details.HANDLERS,
    *statement.HANDLERS,
    *giving_link.HANDLERS,
    *giving.HANDLERS,
    *giving_card.HANDLERS,
    *giving_done.HANDLERS,
]
