// The one table of options. It drives the parser and its checks, the help, `defaults`, config.toml and the comparison
// at a resume: a new option is a member of an options struct and one row.
#pragma once

#include "autosampling/options/options.hpp"

#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace autosampling {

// An enumeration by the names of its values.
struct Choice {
    std::function<std::string()> name;
    std::function<void(std::string_view name)> choose; // one of the names that there are
};
template<NamedEnum Enum>
Choice choice(Enum& value) {
    return {[&value] { return std::string(name_of(value)); },
            [&value](std::string_view name) { value = value_of<Enum>(name).value(); }};
}

// Where the value of an option is.
using OptionValue = std::variant<bool*, std::int64_t*, std::uint64_t*, double*, std::string*, std::vector<double>*,
                                 std::vector<std::string>*, Choice>;

// The numbers that an option takes; of a list, each entry. Never nan or infinite.
struct Range {
    double low = std::numeric_limits<double>::lowest();
    double high = std::numeric_limits<double>::max();
    bool low_included = true;
    bool high_included = true;
};
// The words that an option takes.
using Names = std::vector<std::string>;
struct Anything {};

// Whether a resume may be given another value; conditional: where the meaning says so.
enum class AtResume { same, conditional, any };

struct Option {
    std::string section;
    std::string key;
    OptionValue (*value)(Options&);
    std::variant<Anything, Range, Names> allowed;
    std::string unit;    // empty: none
    std::string meaning; // one sentence
    AtResume at_resume = AtResume::same;

    std::string name() const { return section + "." + key; }
};

// All options; those of a section stand together.
const std::vector<Option>& option_table();

// The option of that name; null without one.
const Option* find_option(std::string_view section, std::string_view key);
bool is_section(std::string_view section);

// The option whose name is the nearest by edit distance; of equally near ones, one in `section` if there is one.
const Option& nearest_option(std::string_view section, std::string_view key);
// How many characters must be inserted, removed or replaced to make one word of the other (Levenshtein, 1966).
std::size_t edit_distance(std::string_view from, std::string_view to);

// Whether the value is a string, in a configuration.
bool takes_words(const Option& option);
// What may be given, in words: "a whole number from 1 to 4096", "one of auto, cpu, cuda", …
std::string allowed_values(const Option& option);
// The value as TOML text, independent of any locale.
std::string format_value(const Option& option, Options options);

} // namespace autosampling
