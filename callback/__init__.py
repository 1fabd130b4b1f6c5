"""Room for promises to call back: requests, policy, scheduling, dialling. Calls already carry the direction
`callback` (channel ids `cb-…`); the engine that keeps the promises moves in here."""
