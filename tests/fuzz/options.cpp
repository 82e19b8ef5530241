// The configuration: TOML to options and back; the rest of the input's first line is a --set.
#include "fuzz.hpp"

#include "autosampling/options/configuration.hpp"

namespace autosampling::fuzz {
namespace {

void toml(Input input) {
    const std::string all(input.begin(), input.end());
    const auto end = all.find('\n');
    const std::string document = end == std::string::npos ? all : all.substr(end + 1);
    reads([&] {
        Places places;
        Options options = parse_configuration(document, "input", &places);
        reads([&] { apply_setting(all.substr(0, end), options); });
        const std::string written = format_configuration(options);
        require(format_configuration(parse_configuration(written, "written")) == written, "options are read back");
        require(differences(options, options).empty(), "options are equal to themselves");
        check_in_place(places, [&] { check_consistency(options); });
    });
}

} // namespace

const std::map<std::string, Target>& targets() {
    static const std::map<std::string, Target> all{{"toml", toml}};
    return all;
}

} // namespace autosampling::fuzz
