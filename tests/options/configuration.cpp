#include "autosampling/options/configuration.hpp"
#include "autosampling/base/error.hpp"
#include "autosampling/base/files.hpp"
#include "autosampling/data/dataset.hpp"
#include "autosampling/training/make_network.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <clocale>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <locale>
#include <unistd.h>

namespace autosampling {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// The message of the Error(usage) that `action` throws; an empty one is a failure.
std::string refusal(const std::function<void()>& action) {
    try {
        action();
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ExitCode::usage) << error.what();
        EXPECT_THAT(error.what(), Not(HasSubstr("\n"))) << "more than one line";
        return error.what();
    }
    ADD_FAILURE() << "nothing was refused";
    return "";
}

std::string refused_document(const std::string& document) {
    return refusal([&] { parse_configuration(document, "bad.toml"); });
}
std::string refused_setting(const std::string& setting) {
    Options options;
    return refusal([&] { apply_setting(setting, options); });
}

// A configuration file that goes away with the test.
class ConfigurationFile {
  public:
    explicit ConfigurationFile(const std::string& document)
        : path_(std::filesystem::temp_directory_path() / ("autosampling-app-" + std::to_string(getpid()) + ".toml")) {
        std::ofstream(path_, std::ios::binary) << document;
    }
    ~ConfigurationFile() { std::filesystem::remove(path_); }
    const std::filesystem::path& path() const { return path_; }

  private:
    std::filesystem::path path_;
};

template<class T>
bool holds(const Option& option) {
    Options options;
    return std::holds_alternative<T*>(option.value(options));
}
bool is_whole(const Option& option) {
    return holds<std::int64_t>(option) || holds<std::uint64_t>(option);
}

std::string number_text(double number) {
    std::ostringstream out;
    out.imbue(std::locale::classic());
    out.precision(17);
    out << number;
    return out.str();
}

// TOML values that the option must not take, of every kind.
std::vector<std::string> bad_values(const Option& option) {
    std::vector<std::string> bad = {"{ a = 1 }", "2026-01-31", "[[1]]"};
    const auto add = [&](std::initializer_list<const char*> values) {
        bad.insert(bad.end(), values.begin(), values.end());
    };
    if (!holds<bool>(option)) add({"true"});
    if (!takes_words(option)) add({"\"word\"", "\"\"", "\"1\""});
    const bool numbers = holds<std::vector<double>>(option), strings = holds<std::vector<std::string>>(option);
    if (!numbers && !strings) add({"[]"});
    if (!numbers) add({"[0.5]"});
    if (!strings) add({"[\"a\"]"});
    if (strings) add({"[\"a\", 1]"});
    if (!holds<double>(option)) add({"nan", "inf", "-inf", "0.5"});
    if (holds<bool>(option) || takes_words(option) || numbers || strings) add({"0", "1"});
    if (holds<double>(option)) add({"nan", "+nan", "inf", "-inf"});
    if (numbers) add({"[nan]", "[0.5, inf]", "[0.5, true]"});
    if (is_whole(option)) add({"1.0", "99999999999999999999"});
    if (std::holds_alternative<Names>(option.allowed)) add({"\"no-such\"", "\"\""});
    if (const Range* range = std::get_if<Range>(&option.allowed)) {
        const double step = is_whole(option) ? 1 : 0.25;
        const auto number = [&](double value) {
            const std::string text =
                is_whole(option) ? std::to_string(static_cast<std::int64_t>(value)) : number_text(value);
            return numbers ? "[" + text + "]" : text;
        };
        if (range->low > -1e300) bad.push_back(number(range->low - (range->low_included ? step : 0)));
        if (range->high < 1e300) bad.push_back(number(range->high + (range->high_included ? step : 0)));
    }
    return bad;
}

bool has_choice(const Option& option) {
    const Names* names = std::get_if<Names>(&option.allowed);
    return !names || names->size() > 1;
}

// Gives the option another value than its default, if it takes any.
void change(const Option& option, Options& options) {
    const Range* range = std::get_if<Range>(&option.allowed);
    const Names* names = std::get_if<Names>(&option.allowed);
    const auto inside = [&](double already) {
        const double number = range->low + std::min(range->high - range->low, 1.0) / 3;
        return number == already ? number / 2 + range->low / 2 : number;
    };
    OptionValue value = option.value(options);
    if (const Choice* choice = std::get_if<Choice>(&value))
        choice->choose(names->back() == choice->name() ? names->front() : names->back());
    else if (auto* const* word = std::get_if<std::string*>(&value))
        **word = !names ? "a 'b' \"c\" \\d \u00e9" : names->back() == **word ? names->front() : names->back();
    else if (auto* const* flag = std::get_if<bool*>(&value))
        **flag = !**flag;
    else if (auto* const* list = std::get_if<std::vector<double>*>(&value))
        **list = {inside(0), 0.1 + 0.2, range->high < 1 ? 0.5 : 1};
    else if (auto* const* words = std::get_if<std::vector<std::string>*>(&value))
        **words = {"count", "a 'b' \"c\""};
    else if (auto* const* real = std::get_if<double*>(&value))
        **real = inside(**real);
    else if (auto* const* whole = std::get_if<std::int64_t*>(&value))
        **whole += 1;
    else
        *std::get<std::uint64_t*>(value) += 1;
}

TEST(Configuration, defaults_read_back_as_the_defaults) {
    EXPECT_EQ(format_configuration(parse_configuration(describe_defaults(), "defaults")),
              format_configuration(Options{}));
    EXPECT_EQ(format_configuration(parse_configuration("", "empty")), format_configuration(Options{}));
}

TEST(Configuration, defaults_state_meaning_and_allowed_values_of_every_option) {
    const std::string document = describe_defaults();
    for (const Option& option : option_table()) {
        EXPECT_THAT(document, HasSubstr("# " + option.meaning + "\n#   ")) << option.name();
        EXPECT_THAT(document, HasSubstr(allowed_values(option))) << option.name();
    }
}

TEST(Configuration, every_option_survives_writing_and_reading) {
    Options all;
    for (const Option& option : option_table()) {
        Options one;
        change(option, one);
        change(option, all);
        EXPECT_EQ(format_value(option, one) != format_value(option, Options{}), has_choice(option)) << option.name();
        const Options back = parse_configuration(format_configuration(one), "one");
        EXPECT_EQ(format_configuration(back), format_configuration(one));
    }
    EXPECT_EQ(format_configuration(parse_configuration(format_configuration(all), "all")), format_configuration(all));
}

TEST(Configuration, an_option_goes_to_its_own_place) {
    const Options options =
        parse_configuration("[run]\nseed = 7\nthreads = 2\n[data]\nlabel_noise = 0.4\nmean = [0.5, 1]\n"
                            "[training]\nnesterov = true\n[record]\nkeep_checkpoints = 3\n",
                            "good.toml");
    EXPECT_EQ(options.run.seed, 7U);
    EXPECT_EQ(options.run.threads, 2);
    EXPECT_EQ(options.data.label_noise, 0.4);
    EXPECT_EQ(options.data.mean, (std::vector<double>{0.5, 1}));
    EXPECT_TRUE(options.training.nesterov);
    EXPECT_EQ(options.record.keep_checkpoints, 3);
}

TEST(Configuration, every_bad_value_in_a_file_is_refused_with_its_line) {
    for (const Option& option : option_table())
        for (const std::string& value : bad_values(option)) {
            SCOPED_TRACE(option.name() + " = " + value);
            const std::string message =
                refused_document("# a comment\n[" + option.section + "]\n\n" + option.key + " = " + value + "\n");
            EXPECT_THAT(message, StartsWith("bad.toml:4: "));
            EXPECT_THAT(message, HasSubstr(option.key));
        }
}

TEST(Configuration, every_bad_value_of_a_setting_is_refused) {
    for (const Option& option : option_table())
        for (const std::string& value : bad_values(option)) {
            SCOPED_TRACE(option.name() + "=" + value);
            const std::string message = refused_setting(option.name() + "=" + value);
            EXPECT_THAT(message, StartsWith("--set: " + option.name()));
        }
}

TEST(Configuration, a_refused_value_is_shown_with_what_is_allowed) {
    EXPECT_EQ(refused_document("[training]\nlearning_rate = -1\n"),
              "bad.toml:2: training.learning_rate is -1 (out of range): give a real number greater than 0");
    EXPECT_EQ(refused_setting("training.momentum=1"),
              "--set: training.momentum is 1 (out of range): give a real number, at least 0 and less than 1");
    EXPECT_EQ(refused_setting("run.device=cda"),
              "--set: run.device is \"cda\" (no such choice): give one of auto, cpu, "
              "cuda; did you mean cuda?");
    EXPECT_EQ(refused_setting("run.threads=two"),
              "--set: run.threads is two (no TOML value): give a whole number from 1 to 1024");
}

TEST(Configuration, a_key_given_twice_is_refused) {
    const ConfigurationFile file("");
    for (const Option& option : option_table()) {
        const std::string value = format_value(option, Options{});
        const std::string line = option.key + " = " + value + "\n";
        const std::string message = refused_document("[" + option.section + "]\n" + line + "\n" + line);
        EXPECT_THAT(message, StartsWith("bad.toml:4: "));
        EXPECT_THAT(message, HasSubstr("'" + option.key + "'"));

        const std::string setting = option.name() + "=" + value;
        EXPECT_THAT(refusal([&] {
                        read_configuration(file.path(), {setting, setting});
                    }),
                    StartsWith("--set: " + option.name() + " is set twice"));
    }
    EXPECT_THAT(refused_document("[run]\nseed = 1\n[run]\nthreads = 1\n"), StartsWith("bad.toml:3: "));
}

TEST(Configuration, a_key_in_another_section_is_refused_and_sent_home) {
    for (const Option& option : option_table())
        for (const std::string section : {"run", "data", "model", "training", "population", "exploration", "record"}) {
            if (find_option(section, option.key)) continue;
            SCOPED_TRACE(section + "." + option.key);
            const std::string value = option.key + " = " + format_value(option, Options{}) + "\n";
            const std::string message = refused_document("[" + section + "]\n" + value);
            EXPECT_THAT(message, StartsWith("bad.toml:2: " + section + "." + option.key));
            EXPECT_THAT(message, HasSubstr(option.key + " belongs to ["));
            EXPECT_THAT(refused_setting(section + "." + option.key + "=1"), HasSubstr(option.key + " belongs to ["));
        }
}

TEST(Configuration, an_unknown_key_is_refused_with_the_nearest) {
    for (const Option& option : option_table())
        for (const std::string& key : {option.key + "x", "_" + option.key, option.key.substr(1)}) {
            if (find_option(option.section, key)) continue;
            SCOPED_TRACE(option.section + "." + key);
            const std::string hint = "did you mean " + option.name() + "?";
            const std::string message = refused_document("[" + option.section + "]\n" + key + " = 1\n");
            EXPECT_THAT(message, StartsWith("bad.toml:2: " + option.section + "." + key + " is unknown"));
            EXPECT_THAT(message, HasSubstr(hint));
            EXPECT_THAT(refused_setting(option.section + "." + key + "=1"), HasSubstr(hint));
        }
}

TEST(Configuration, what_is_not_in_a_known_section_is_refused) {
    EXPECT_THAT(refused_document("\n[trainning]\nepochs = 1\n"), StartsWith("bad.toml:2: [trainning] is unknown"));
    EXPECT_THAT(refused_document("\n[trainning]\n"), HasSubstr("did you mean [training]?"));
    EXPECT_THAT(refused_document("seed = 1\n"), HasSubstr("seed belongs to [run]"));
    EXPECT_THAT(refused_document("run = 1\n"), HasSubstr("bad.toml:1: run is a section"));
    EXPECT_THAT(refused_document("[[run]]\nseed = 1\n"), HasSubstr("bad.toml:1: run is a section"));
    EXPECT_THAT(refused_document("[run.seed]\nx = 1\n"), HasSubstr("bad.toml:1: run.seed is a table"));
    EXPECT_THAT(refused_setting("trainning.epoks=1"), HasSubstr("did you mean [training]?"));
    EXPECT_THAT(refused_setting("trainning.epochs=1"), HasSubstr("write training.epochs"));
    EXPECT_THAT(refused_setting("seed=1"), HasSubstr("write run.seed"));
    EXPECT_THAT(refused_setting("run=1"), HasSubstr("run is a section"));
    EXPECT_THAT(refused_setting("run.seed"), HasSubstr("write section.key=value"));
    EXPECT_THAT(refused_setting("=1"), StartsWith("--set: "));
}

TEST(Configuration, of_several_mistakes_the_first_is_told) {
    EXPECT_THAT(refused_document("[training]\nepochs = 0\n[data]\nimbalance = 0\n"), StartsWith("bad.toml:2: "));
    EXPECT_THAT(refused_document("[training]\nnesterov = 1\nepochs = 0\n"), StartsWith("bad.toml:2: "));
    EXPECT_THAT(refused_document("[training]\nnesterov = 1\n[aaa]\n"), StartsWith("bad.toml:2: "));
}

TEST(Configuration, a_text_that_is_no_toml_is_refused_with_its_line) {
    EXPECT_THAT(refused_document("[run]\nseed = \n"), StartsWith("bad.toml:2: "));
    EXPECT_THAT(refused_document("[run\nseed = 1\n"), StartsWith("bad.toml:1: "));
    EXPECT_THAT(refused_document("[run]\nseed = one\n"), HasSubstr("correct \"seed = one\""));
    EXPECT_THAT(refused_document("[run]\noutput = \"\xff\"\n"), StartsWith("bad.toml:2: "));
    EXPECT_THAT(refused_document("[run]\nwalltime = 1e999\n"), StartsWith("bad.toml:2: "));
}

TEST(Configuration, a_whole_number_is_taken_for_a_real_one) {
    EXPECT_EQ(parse_configuration("[training]\nepochs = 3\nmilestones = [1, 2.5]\n", "").training.milestones,
              (std::vector<double>{1, 2.5}));
    for (const Option& option : option_table()) {
        if (!holds<double>(option)) continue;
        const Range& range = std::get<Range>(option.allowed);
        const bool one = range.high > 1 || (range.high == 1 && range.high_included);
        if (!one && !(range.low == 0 && range.low_included)) continue; // takes no whole number
        const std::string whole = one ? "1" : "0";
        Options options;
        apply_setting(option.name() + "=" + whole, options);
        EXPECT_EQ(format_value(option, options), whole + ".0") << option.name();
    }
}

TEST(Configuration, a_setting_takes_a_bare_word_for_a_string) {
    Options options;
    apply_setting("data.path=/a folder/of=data#1", options);
    EXPECT_EQ(options.data.path, "/a folder/of=data#1");
    apply_setting("data.path=\"quoted\"", options);
    EXPECT_EQ(options.data.path, "quoted");
    apply_setting("data.path=", options);
    EXPECT_EQ(options.data.path, "");
    apply_setting("exploration.kind=random", options);
    EXPECT_EQ(options.exploration.kind, ExplorationKind::random);
    apply_setting("training.milestones=[2, 3.5]", options);
    EXPECT_EQ(options.training.milestones, (std::vector<double>{2, 3.5}));
    EXPECT_THAT(refused_setting("data.path=\xff"), HasSubstr("not UTF-8"));
    EXPECT_THAT(refused_setting("data.path=\"a\\u0000b\""), HasSubstr("holds a NUL"));
    EXPECT_THAT(refused_setting("run.seed=1\nthreads=2"), HasSubstr("control characters"));
}

TEST(Configuration, settings_go_over_the_file) {
    const ConfigurationFile file("[run]\nseed = 1\nthreads = 2\n");
    const Options options = read_configuration(file.path(), {"run.seed=5"});
    EXPECT_EQ(options.run.seed, 5U);
    EXPECT_EQ(options.run.threads, 2);
    EXPECT_THAT(refusal([] { read_configuration("no/such.toml", {}); }), HasSubstr("no/such.toml"));
    EXPECT_THAT(refusal([] { read_configuration(std::filesystem::temp_directory_path(), {}); }),
                HasSubstr(std::filesystem::temp_directory_path().string()));
}

TEST(Configuration, byte_order_mark_and_crlf_are_read) {
    const Options options = parse_configuration("\xEF\xBB\xBF[run]\r\nseed = 3\r\n\r\n[data]\r\npath = \"x\"\r\n", "");
    EXPECT_EQ(options.run.seed, 3U);
    EXPECT_EQ(options.data.path, "x");
    EXPECT_THAT(refused_document("\xEF\xBB\xBF[run]\r\nsede = 3\r\n"), StartsWith("bad.toml:2: run.sede is unknown"));
}

// Numbers as in Germany, whether or not the machine has its locale.
class GermanNumbers {
  public:
    GermanNumbers() : before_(std::locale::global(std::locale(std::locale(), new Punctuation))) {
        std::setlocale(LC_ALL, "de_DE.UTF-8");
    }
    ~GermanNumbers() {
        std::locale::global(before_);
        std::setlocale(LC_ALL, "C");
    }

  private:
    struct Punctuation : std::numpunct<char> {
        char do_decimal_point() const override { return ','; }
        char do_thousands_sep() const override { return '.'; }
        std::string do_grouping() const override { return "\3"; }
    };
    std::locale before_;
};

TEST(Configuration, a_locale_with_decimal_comma_changes_nothing) {
    Options options;
    options.training.learning_rate = 1234.5678;
    options.training.weight_decay = 5e-4;
    options.run.seed = 1234567;
    const std::string document = format_configuration(options), defaults = describe_defaults();
    const auto refuse = [] {
        return refused_document(std::string(1200, '\n') + "[training]\nepochs = 1234567890.5\n") +
               refused_setting("training.batch_size=99999999999");
    };
    const std::string refused = refuse();
    const GermanNumbers german;
    EXPECT_EQ(format_configuration(options), document);
    EXPECT_EQ(describe_defaults(), defaults);
    EXPECT_EQ(parse_configuration(document, "").training.learning_rate, 1234.5678);
    EXPECT_EQ(parse_configuration(document, "").run.seed, 1234567U);
    apply_setting("training.momentum=0.25", options);
    EXPECT_EQ(options.training.momentum, 0.25);
    EXPECT_EQ(refuse(), refused);
}

TEST(Configuration, takes_no_synthetic_images_that_the_data_set_refuses) {
    for (const Option& option : option_table()) {
        if (!option.key.starts_with("synthetic_")) continue;
        const auto& range = std::get<Range>(option.allowed);
        for (const double value : {range.low, range.high}) {
            Options options;
            options.data.name = "synthetic";
            options.data.synthetic_images = std::numeric_limits<std::int32_t>::max();
            options.data.synthetic_classes = 2;
            apply_setting(option.name() + "=" + std::to_string(static_cast<std::int64_t>(value)), options);
            EXPECT_NO_THROW(plan_dataset(options.data, 1)) << option.name() << " = " << value;
        }
    }
}

TEST(Configuration, defaults_mark_what_a_resume_may_change_and_what_it_may_under_conditions) {
    const std::string document = describe_defaults();
    for (const Option& option : option_table()) {
        const std::size_t meaning = document.find("# " + option.meaning);
        const std::string allowed = document.substr(document.find("\n#   ", meaning) + 5, 4);
        EXPECT_EQ(allowed.starts_with("* "), option.at_resume == AtResume::any) << option.name();
        EXPECT_EQ(allowed.starts_with("(*) "), option.at_resume == AtResume::conditional) << option.name();
    }
    EXPECT_THAT(document, HasSubstr("marked (*) where its explanation says so"));
}

TEST(Configuration, a_resume_refuses_what_changes_results_and_nothing_else) {
    Options recorded;
    recorded.population.members = 4;
    EXPECT_TRUE(differences(recorded, recorded).empty());
    for (const Option& option : option_table()) {
        Options asked = recorded;
        change(option, asked);
        const bool free = option.at_resume != AtResume::same || !has_choice(option);
        const std::vector<std::string> lines = differences(recorded, asked);
        ASSERT_EQ(lines.size(), free ? 0U : 1U) << option.name();
        if (!free) {
            EXPECT_EQ(lines.front(), option.name() + ": recorded " + format_value(option, recorded) + ", asked " +
                                         format_value(option, asked));
        }
    }
}

TEST(Configuration, a_resume_may_be_longer_where_the_learning_rate_allows_it) {
    for (const RateSchedule schedule :
         {RateSchedule::constant, RateSchedule::step, RateSchedule::cosine, RateSchedule::one_cycle}) {
        Options recorded;
        recorded.training.schedule = schedule;
        Options asked = recorded;
        asked.training.epochs = 300;
        EXPECT_EQ(differences(recorded, asked).empty(),
                  schedule == RateSchedule::constant || schedule == RateSchedule::step)
            << schedule;
    }
}

TEST(Configuration, a_resume_without_a_number_of_members_takes_the_recorded_one) {
    Options recorded, asked;
    recorded.population.members = 4;
    EXPECT_TRUE(differences(recorded, asked).empty());
    asked.population.members = 2;
    EXPECT_EQ(differences(recorded, asked), std::vector<std::string>{"population.members: recorded 4, asked 2"});
}

TEST(Configuration, those_that_come_with_the_program_are_good) {
    int papers = 0;
    for (const auto& entry : std::filesystem::directory_iterator(TEST_DATA "/../../jobs/configs")) {
        SCOPED_TRACE(entry.path());
        const Options options = read_configuration(entry.path(), {});
        EXPECT_NO_THROW(check_consistency(options));
        EXPECT_THAT(network_names(), ::testing::Contains(options.model.name));
        if (!entry.path().filename().string().ends_with("-paper.toml")) continue;
        ++papers;
        const bool imagenet = options.data.name == "packed";
        EXPECT_EQ(options.population.members, imagenet ? 8 : 20);
        EXPECT_EQ(options.population.ranks_per_member, imagenet ? 8 : 1);
        EXPECT_EQ(options.population.cycle_batches, 20);
        EXPECT_EQ(options.training.batch_size, imagenet ? 512 : 128);
        EXPECT_EQ(options.training.schedule, imagenet ? RateSchedule::cosine : RateSchedule::step);
        EXPECT_EQ(options.training.milestones, (std::vector<double>{60, 120, 180})); // of step alone
        EXPECT_EQ(entry.path().stem().string(), imagenet ? options.model.name + "-paper"
                                                         : text(options.data.name, "-", options.model.name, "-paper"));
    }
    EXPECT_EQ(papers, 10);
}

} // namespace
} // namespace autosampling
