"""HTTP in, HTTP out. A route parses, asks and shapes; queries and rules live below."""
