#include "option_value.hpp"

#include "autosampling/base/error.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <sstream>
#include <type_traits>

namespace autosampling {

namespace {

template<class... Functions>
struct Overloaded : Functions... {
    using Functions::operator()...;
};
template<class... Functions>
Overloaded(Functions...) -> Overloaded<Functions...>;

// The shortest text that reads back to the same number, as std::to_chars has it: no locale.
template<class T>
std::string digits(T number) {
    std::array<char, 32> buffer;
    return {buffer.data(), std::to_chars(buffer.data(), buffer.data() + buffer.size(), number).ptr};
}

std::string real(double number) {
    const std::string text = digits(number);
    return text.find_first_of(".en") == std::string::npos ? text + ".0" : text;
}

std::string list(const std::vector<double>& numbers) {
    std::string text = "[";
    for (const double number : numbers) text += (text.size() > 1 ? ", " : "") + real(number);
    return text + "]";
}

std::string list(const std::vector<std::string>& words) {
    std::string text = "[";
    for (const std::string& word : words) text += (text.size() > 1 ? ", " : "") + quote(word);
    return text + "]";
}

std::string join(const Names& names) {
    std::string text;
    for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
    return text;
}

// Of this type, or one that is taken for it.
std::optional<bool> read(const toml::node& value, std::type_identity<bool>) {
    return value.value_exact<bool>();
}
std::optional<std::string> read(const toml::node& value, std::type_identity<std::string>) {
    return value.value_exact<std::string>();
}
std::optional<std::int64_t> read(const toml::node& value, std::type_identity<std::int64_t>) {
    return value.value_exact<std::int64_t>();
}
std::optional<std::int64_t> read(const toml::node& value, std::type_identity<std::uint64_t>) {
    return value.value_exact<std::int64_t>(); // TOML has no others
}
std::optional<double> read(const toml::node& value, std::type_identity<double>) {
    if (const auto whole = value.value_exact<std::int64_t>()) return static_cast<double>(*whole);
    return value.value_exact<double>();
}
template<class T>
std::optional<std::vector<T>> read(const toml::node& value, std::type_identity<std::vector<T>>) {
    if (!value.is_array()) return std::nullopt;
    std::vector<T> entries;
    for (const toml::node& node : *value.as_array()) {
        const auto entry = read(node, std::type_identity<T>{});
        if (!entry) return std::nullopt;
        entries.push_back(*entry);
    }
    return entries;
}

template<class Number>
requires std::is_arithmetic_v<Number>
bool allows(const Option& option, Number value) {
    const double number = static_cast<double>(value);
    const Range& range = std::get<Range>(option.allowed);
    return (range.low_included ? number >= range.low : number > range.low) &&
           (range.high_included ? number <= range.high : number < range.high);
}
bool allows(const Option& option, const std::vector<double>& numbers) {
    return std::ranges::all_of(numbers, [&](double number) { return allows(option, number); });
}
bool allows(const Option& option, const std::string& word) {
    const Names* names = std::get_if<Names>(&option.allowed);
    return !names || std::ranges::find(*names, word) != names->end();
}
bool allows(const Option&, bool) {
    return true;
}
bool allows(const Option&, const std::vector<std::string>&) {
    return true;
}

// What was found, in one line.
std::string shown(const toml::node& value) {
    if (const auto number = value.value_exact<double>()) return real(*number);
    if (const auto text = value.value_exact<std::string>()) return quote(*text);
    if (const toml::array* array = value.as_array()) {
        std::string entries;
        for (const toml::node& entry : *array) entries += (entries.empty() ? "" : ", ") + shown(entry);
        return "[" + entries + "]";
    }
    if (value.is_table()) return "a table";
    std::ostringstream out;
    out.imbue(std::locale::classic());
    out << toml::toml_formatter(value);
    return std::move(out).str();
}

std::string suggestion(const Option& option, const toml::node& value) {
    const Names* names = std::get_if<Names>(&option.allowed);
    const auto word = value.value_exact<std::string>();
    std::string text = "give " + allowed_values(option);
    if (names && word)
        text += "; did you mean " +
                *std::ranges::min_element(*names, {}, [&](const auto& name) { return edit_distance(name, *word); }) +
                "?";
    return text;
}

std::string range_in_words(const Range& range, bool whole) {
    const auto number = [&](double bound) { return whole ? digits(static_cast<std::int64_t>(bound)) : digits(bound); };
    const bool bounded = range.high < std::numeric_limits<double>::max();
    if (bounded && range.low_included && range.high_included)
        return " from " + number(range.low) + " to " + number(range.high);
    std::string words = (range.low_included ? ", at least " : " greater than ") + number(range.low);
    if (bounded) words += (range.high_included ? " and at most " : " and less than ") + number(range.high);
    return words;
}

} // namespace

std::string quote(const std::string& text) {
    const toml::value<std::string> value(text);
    std::ostringstream out;
    out << toml::toml_formatter(value, toml::format_flags::allow_unicode_strings);
    return std::move(out).str();
}

bool takes_words(const Option& option) {
    Options unused;
    const OptionValue value = option.value(unused);
    return std::holds_alternative<std::string*>(value) || std::holds_alternative<Choice>(value);
}

std::string allowed_values(const Option& option) {
    Options unused;
    const Names* names = std::get_if<Names>(&option.allowed);
    return std::visit(
        Overloaded{[](bool*) { return std::string("true or false"); },
                   [&](std::string*) { return names ? "one of " + join(*names) : "a string"; },
                   [&](const Choice&) { return "one of " + join(*names); },
                   [&](double*) { return "a real number" + range_in_words(std::get<Range>(option.allowed), false); },
                   [&](std::vector<double>*) {
                       return "a list of real numbers, each" + range_in_words(std::get<Range>(option.allowed), false);
                   },
                   [](std::vector<std::string>*) { return std::string("a list of strings"); },
                   [&](auto*) { return "a whole number" + range_in_words(std::get<Range>(option.allowed), true); }},
        option.value(unused));
}

std::string format_value(const Option& option, Options options) {
    return std::visit(Overloaded{[](const bool* value) { return std::string(*value ? "true" : "false"); },
                                 [](const std::string* value) { return quote(*value); },
                                 [](const Choice& value) { return quote(value.name()); },
                                 [](const double* value) { return real(*value); },
                                 [](const std::vector<double>* value) { return list(*value); },
                                 [](const std::vector<std::string>* value) { return list(*value); },
                                 [](const auto* value) { return digits(*value); }},
                      option.value(options));
}

void assign(const Option& option, const toml::node& value, const std::string& place, Options& options) {
    const auto refuse = [&](const std::string& why) {
        throw Error(ExitCode::usage, place + ": " + option.name() + " is " + shown(value) + " (" + why +
                                         "): " + suggestion(option, value));
    };
    const auto set = [&]<class T>(T* target) {
        const auto found = read(value, std::type_identity<T>{});
        if (!found) refuse("wrong type");
        if constexpr (std::is_same_v<T, std::string>)
            if (found->find('\0') != std::string::npos) refuse("it holds a NUL, at which the system would end it");
        if (!allows(option, *found)) refuse(std::is_same_v<T, std::string> ? "no such choice" : "out of range");
        *target = static_cast<T>(*found);
    };
    const auto choose = [&](const Choice& target) {
        std::string name;
        set(&name);
        target.choose(name);
    };
    std::visit(Overloaded{choose, set}, option.value(options));
}

} // namespace autosampling
