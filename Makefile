# Every target is one script or one cmake preset; scripts/ and CMakePresets.json hold the substance.
#   make demo     install what is missing, build, compile the paper's layer, check it, time it
#   make check    every test, then all of them again under AddressSanitizer and UndefinedBehaviorSanitizer
#   make build    build/release/rattan; PRESET=debug, asan or device for the others
#   make install  to PREFIX (/usr/local), under DESTDIR if given
#   make clean    remove build/
PRESET ?= release
PREFIX ?= /usr/local

.PHONY: build demo check install setup clean

build: setup
	@mkdir -p build
	cmake --preset $(PRESET)
	cmake --build --preset $(PRESET) --parallel $$(nproc)

demo: build
	@scripts/demo build/$(PRESET)/rattan

check: setup
	@mkdir -p build
	@scripts/check

install: build
	cmake --install build/$(PRESET) --prefix $(PREFIX)

setup:
	@scripts/setup

clean:
	rm -rf build
