#include "autosampling/options/configuration.hpp"

#include "autosampling/base/error.hpp"
#include "autosampling/base/files.hpp"
#include "autosampling/sampling/rules.hpp"
#include "autosampling/training/learning_rate.hpp"
#include "option_value.hpp"

#include <algorithm>
#include <set>

namespace autosampling {

namespace {

// One key of a text, as it stands there; a section's own header has no key and no value.
struct Entry {
    std::string section, key;
    const toml::node* value = nullptr;
    toml::source_position position;
};

// All keys in the order of the text.
std::vector<Entry> list_entries(const toml::table& root) {
    std::vector<Entry> entries;
    for (const auto& [name, node] : root) {
        const std::string section(name.str());
        const toml::table* table = node.as_table();
        if (!table || !is_section(section)) {
            if (table && !table->is_inline())
                entries.push_back({section, "", nullptr, name.source().begin});
            else
                entries.push_back({"", section, &node, name.source().begin});
            continue;
        }
        for (const auto& [key, value] : *table)
            entries.push_back({section, std::string(key.str()), &value, key.source().begin});
    }
    std::ranges::sort(entries, {},
                      [](const Entry& entry) { return std::pair(entry.position.line, entry.position.column); });
    return entries;
}

[[noreturn]] void refuse_section(const std::string& place, const std::string& section) {
    const Option& nearest = *std::ranges::min_element(
        option_table(), {}, [&](const Option& option) { return edit_distance(option.section, section); });
    throw Error(ExitCode::usage, text(place, ": [", section, "] is unknown (no section has this name): did you mean [",
                                      nearest.section, "]?"));
}

[[noreturn]] void refuse_key(const std::string& place, const std::string& section, const std::string& key) {
    const std::string name = section.empty() ? key : section + "." + key;
    if (section.empty() && is_section(key))
        throw Error(ExitCode::usage,
                    text(place, ": ", key, " is a section (not an option): write [", key, "], and its options below"));
    const Option& nearest = nearest_option(section, key);
    if (nearest.key == key)
        throw Error(ExitCode::usage, text(place, ": ", name, " is unknown (", key, " belongs to [", nearest.section,
                                          "]): write ", nearest.name()));
    throw Error(ExitCode::usage,
                text(place, ": ", name, " is unknown (no option has this name): did you mean ", nearest.name(), "?"));
}

std::string line_of(const std::string& document, std::size_t line) {
    std::istringstream in(document);
    std::string found;
    for (std::size_t i = 0; i < line && std::getline(in, found); ++i) {
    }
    std::erase_if(found, [](unsigned char character) { return character < ' '; });
    return found.substr(0, 80);
}

toml::table parse_toml(const std::string& document, const std::string& source) {
    try {
        return toml::parse(std::string_view(document), std::string_view(source));
    } catch (const toml::parse_error& error) {
        const auto line = error.source().begin.line;
        throw Error(ExitCode::usage, source + ":" + std::to_string(line) + ": " + std::string(error.description()) +
                                         " (no TOML): correct \"" + line_of(document, line) + "\"");
    }
}

// What TOML can hold in one line.
bool is_plain(const std::string& word) {
    try {
        return word.find('\n') == std::string::npos && toml::parse("# " + word).empty();
    } catch (const toml::parse_error&) {
        return false;
    }
}

// The value of a setting: TOML, or, where it is none, a word for an option that takes strings.
toml::table parse_setting_value(const Option& option, const std::string& word) {
    VALIDATE(is_plain(word), ExitCode::usage, "--set: ", option.name(),
             " has an unusable value (not UTF-8, or control characters): use plain text");
    try {
        return toml::parse("value = " + word);
    } catch (const toml::parse_error&) {
        VALIDATE(takes_words(option), ExitCode::usage, "--set: ", option.name(), " is ", word.empty() ? "empty" : word,
                 " (no TOML value): give ", allowed_values(option));
        return toml::table{{"value", word}};
    }
}

// The option that a setting names, and the text after the first "=".
std::pair<const Option*, std::string> split_setting(const std::string& setting) {
    const std::size_t equals = setting.find('=');
    VALIDATE(equals != std::string::npos, ExitCode::usage, "--set: ", setting,
             " has no \"=\" (it sets nothing): write section.key=value");
    const std::string name = setting.substr(0, equals);
    const std::size_t dot = name.find('.');
    const std::string section = dot == std::string::npos ? "" : name.substr(0, dot);
    const std::string key = dot == std::string::npos ? name : name.substr(dot + 1);
    const Option* option = find_option(section, key);
    const bool stray = dot != std::string::npos && !is_section(section) && nearest_option(section, key).key != key;
    if (stray) refuse_section("--set", section);
    if (!option) refuse_key("--set", section, key);
    return {option, setting.substr(equals + 1)};
}

} // namespace

Options parse_configuration(const std::string& document, const std::string& source, Places* places) {
    const toml::table root = parse_toml(document, source);
    Options options;
    for (const Entry& entry : list_entries(root)) {
        const std::string place = source + ":" + std::to_string(entry.position.line);
        if (entry.key.empty()) refuse_section(place, entry.section);
        const Option* option = find_option(entry.section, entry.key);
        if (!option) refuse_key(place, entry.section, entry.key);
        assign(*option, *entry.value, place, options);
        if (places) (*places)[option->name()] = place;
    }
    return options;
}

Options parse_recorded(const std::string& document) {
    return parse_configuration(document, "recorded config.toml");
}

void apply_setting(const std::string& setting, Options& options) {
    const auto [option, word] = split_setting(setting);
    const toml::table parsed = parse_setting_value(*option, word);
    assign(*option, *parsed.get("value"), "--set", options);
}

Options read_configuration(const std::filesystem::path& file, const std::vector<std::string>& settings,
                           Places* places) {
    std::string document;
    try {
        document = read_file(file);
    } catch (const Error& error) {
        throw Error(ExitCode::usage, error.what());
    }
    Options options = parse_configuration(document, file.string(), places);
    std::set<const Option*> set;
    for (const std::string& setting : settings) {
        const Option* option = split_setting(setting).first;
        VALIDATE(set.insert(option).second, ExitCode::usage, "--set: ", option->name(),
                 " is set twice (which is meant?): set it once");
        apply_setting(setting, options);
        if (places) (*places)[option->name()] = "--set";
    }
    return options;
}

void check_in_place(const Places& places, const std::function<void()>& check) {
    try {
        check();
    } catch (const Error& error) {
        const std::string message = error.what();
        std::size_t first = message.size();
        std::string where;
        for (const auto& [name, place] : places) // in order: of two names at one place the longer one stands there
            if (const std::size_t at = message.find(name); at <= first) {
                first = at;
                where = place + ": ";
            }
        throw Error(error.code(), where + message);
    }
}

std::string format_configuration(const Options& options) {
    std::string document, section;
    for (const Option& option : option_table()) {
        if (option.section != section) document += (section.empty() ? "[" : "\n[") + option.section + "]\n";
        section = option.section;
        document += option.key + " = " + format_value(option, options) + "\n";
    }
    return document;
}

std::string describe_defaults() {
    std::string document =
        "# All options of autosampling with their defaults. What a configuration leaves out stays so.\n"
        "# An option marked * may be given another value at a resume, one marked (*) where its explanation says so.\n";
    const auto mark = [](AtResume at_resume) {
        return at_resume == AtResume::any ? "* " : at_resume == AtResume::conditional ? "(*) " : "";
    };
    std::string section;
    for (const Option& option : option_table()) {
        if (option.section != section) document += "\n[" + option.section + "]\n";
        section = option.section;
        document += "\n# " + option.meaning + "\n#   " + mark(option.at_resume) + allowed_values(option) +
                    (option.unit.empty() ? "" : " (" + option.unit + ")") + "\n" + option.key + " = " +
                    format_value(option, Options{}) + "\n";
    }
    return document;
}

std::vector<std::string> differences(const Options& recorded, const Options& asked) {
    std::vector<std::string> lines;
    for (const Option& option : option_table()) {
        const std::string before = format_value(option, recorded), now = format_value(option, asked);
        const bool same_script = !asked.model.hash.empty() && recorded.model.hash == asked.model.hash;
        const bool free = option.at_resume == AtResume::any || (option.name() == "model.name" && same_script) ||
                          (option.name() == "population.members" && asked.population.members == 0) ||
                          (option.name() == "training.epochs" && !LearningRate::depends_on_length(asked.training) &&
                           !depends_on_length(asked.sampling) && asked.exploration.kind != ExplorationKind::policy);
        if (before != now && !free) lines.push_back(option.name() + ": recorded " + before + ", asked " + now);
    }
    return lines;
}

} // namespace autosampling
