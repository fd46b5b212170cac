"""One folder a layer type: its contract, domain, error bound, implementations, module and initialisations."""
