"""Other CRMs: who calls according to them, and the calls written there."""
