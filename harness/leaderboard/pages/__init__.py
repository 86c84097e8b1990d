"""What each page of the site shows, ready for its template."""
