open 0000:00:02.0 as=card
feature card 0x10001 0000000000000000   # what it can: STOP_COPY
feature card 0x20002 03000000ffffffff   # to STOP_COPY, over STOP: the answer has a descriptor
feature card 0x10002 0000000000000000   # 3 is STOP_COPY
reset card
feature card 0x10002 0000000000000000   # 2 is RUNNING
