"""A simulated Hik Cloud: tokens, download addresses and a media host, with real video behind."""
