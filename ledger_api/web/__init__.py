"""Pages for somebody who holds the item: HTML that works without scripts, one stylesheet, no third party. Never a second API."""
