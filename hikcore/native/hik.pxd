"""Hikvision's own fields in a program stream and its map."""

from libc.stdint cimport int64_t, uint8_t, uint32_t


cdef inline uint32_t big32(const uint8_t* b) noexcept nogil:
    return (<uint32_t> b[0] << 24) | (<uint32_t> b[1] << 16) | (<uint32_t> b[2] << 8) | b[3]


cdef inline int64_t wall_clock(const uint8_t* b) noexcept nogil:
    """The basic descriptor's date and time (bytes 6 to 11) as local ns, -1 if it is no date."""
    cdef int year = 2000 + b[6]
    cdef int month = b[7] >> 4
    cdef int day = ((b[7] & 15) << 1) | (b[8] >> 7)
    cdef int hour = (b[8] >> 2) & 31
    cdef int minute = ((b[8] & 3) << 4) | (b[9] >> 4)
    cdef int second = ((b[9] & 15) << 2) | (b[10] >> 6)
    cdef int ms = ((b[10] & 31) << 5) | (b[11] >> 3)
    cdef int longest
    if b[6] == 0 or month < 1 or month > 12 or hour > 23 or minute > 59 or second > 59 or ms > 999:
        return -1
    longest = 31
    if month == 4 or month == 6 or month == 9 or month == 11:
        longest = 30
    elif month == 2:
        longest = 29 if (year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)) else 28
    if day < 1 or day > longest:
        return -1
    # Days since 1970 of the proleptic Gregorian calendar, years beginning in March.
    cdef int64_t y = year - (1 if month <= 2 else 0)
    cdef int64_t era = y // 400
    cdef int64_t yoe = y - era * 400
    cdef int64_t doy = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    cdef int64_t days = era * 146097 + yoe * 365 + yoe // 4 - yoe // 100 + doy - 719468
    return (((days * 24 + hour) * 60 + minute) * 60 + second) * 1000000000 + <int64_t> ms * 1000000
