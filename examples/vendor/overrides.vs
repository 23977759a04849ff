open 0000:00:01.0 as=card
region-info card 0        # half of it
read card 0 0x7ffc 8      # ends there
read card 7 0x08 1        # the revision that is shown
write card 7 0x18 ffffffff
read card 7 0x18 4        # the size of a BAR that is not there
mmap card 2 0 0x1000 rw shared settings
store settings 0 4 7
read card 2 0 4           # the same memory
write card 7 0x04 0000
load settings 0 4         # memory is off
