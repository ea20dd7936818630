"""What every door shares: the house, the request's unit of work, pages and error pages, security headers, access, forms.

May import everything below the doors.
"""
