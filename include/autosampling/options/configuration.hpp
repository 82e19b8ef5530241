// The configuration: TOML text to Options and back.
//
// Every refusal is one Error(usage) of one line, which says where (file and line, or --set), the option, what was found
// and what is allowed. Of several mistakes in a file the first is told.
#pragma once

#include "autosampling/options/option_table.hpp"

#include <c10/core/Device.h>

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace autosampling {

// Where each option was set, by its name: file and line, or --set.
using Places = std::map<std::string, std::string>;

// The options that a TOML text gives, the others at their defaults; `source` is what messages call the text. UTF-8,
// with or without byte order mark, any line ends.
Options parse_configuration(const std::string& text, const std::string& source, Places* places = nullptr);

// The same of the configuration that a run recorded.
Options parse_recorded(const std::string& text);

// Sets one option by `section.key=value`. The value is a TOML value; where it is none, a string option takes it as it
// is.
void apply_setting(const std::string& setting, Options& options);

// A configuration file with settings on top of it; no option may be set twice. Relative paths in it stay relative to
// the current directory.
Options read_configuration(const std::filesystem::path& file, const std::vector<std::string>& settings,
                           Places* places = nullptr);

// Runs a check of several options; an Error is thrown on with the place of the first that it names and that was set.
void check_in_place(const Places& places, const std::function<void()>& check);

// What no single option shows: options that exclude, need or contradict each other. What is 0 or −1 because it depends
// on ranks or data is checked once it is known. Throws Error(usage).
void check_consistency(const Options& options);
// Throws Error(usage) where training or rewards have a precision that isn't for the device.
void check_precisions(const Options& options, const at::Device& device);

// All options as a TOML text that parse_configuration reads back to the very same options.
std::string format_configuration(const Options& options);
// The same of the defaults, with each option's meaning, unit and allowed values as comments.
std::string describe_defaults();

// Options that were changed from their defaults and have no effect, as another one would have to ask for them: one line
// for each that is missing, "section.key, … (needs section.key = value)".
std::vector<std::string> unused_options(const Options& options);

// What keeps a run that was recorded with some options from going on with others: "section.key: recorded X, asked Y"
// for each option that changes results. members = 0 asks for as many as there were, and another number of epochs is
// none where the learning rate doesn't depend on it.
std::vector<std::string> differences(const Options& recorded, const Options& asked);

} // namespace autosampling
