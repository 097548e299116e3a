# Servers that fold header names: Debian's packages, unpacked into .cache. Nothing is installed, no service starts.

CGI_PROGRAMS := .cache/cgi
CGI_PACKAGES := lighttpd php-cli
CGI_DOWNLOAD = apt-get -qq install --yes --download-only --reinstall --no-install-recommends \
	-o Debug::NoLocking=1 -o Dir::Cache::archives=$(abspath $(CGI_PROGRAMS))/ $(CGI_PACKAGES)

.PHONY: test-cgi
test-cgi: wasm $(ENVOY) $(CGI_PROGRAMS)/unpacked ## Test with more: Test behind servers that fold header names: lighttpd with CGI, PHP (needs apt-get)
	CGI_PROGRAMS=$(abspath $(CGI_PROGRAMS)) $(E2E) --test cgi

$(CGI_PROGRAMS)/unpacked: tools/mk/cgi.mk
	@command -v apt-get >/dev/null || { echo "make test-cgi: needs Debian or Ubuntu, whose lighttpd and PHP it uses" >&2; exit 1; }
	rm -rf $(CGI_PROGRAMS)
	mkdir -p $(CGI_PROGRAMS)/partial
	$(CGI_DOWNLOAD) || { apt-get -qq update && $(CGI_DOWNLOAD); }
	for package in $(CGI_PROGRAMS)/*.deb; do dpkg-deb --extract $$package $(CGI_PROGRAMS); done
	ln -sf "$$(basename $(CGI_PROGRAMS)/usr/bin/php?.?)" $(CGI_PROGRAMS)/usr/bin/php
	@touch $@
