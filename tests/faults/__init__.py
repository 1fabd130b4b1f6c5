"""Callbacks on the worst of days: nobody is called twice for one promise, and no promise is lost."""
