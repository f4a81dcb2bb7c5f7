"""`python -m hikcore.hikvision_nvr_downloader HOST USERNAME PASSWORD START END`."""

from hikcore.hikvision_nvr_downloader.hikvision_nvr_downloader import main

main()
