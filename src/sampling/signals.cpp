#include "autosampling/sampling/signals.hpp"

#include "autosampling/base/error.hpp"
#include "autosampling/base/hash.hpp"
#include "autosampling/base/portable_math.hpp"
#include "autosampling/sampling/arrays.hpp"
#include "autosampling/sampling/credit.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>

namespace autosampling {

namespace {

using Source = Signal::Source;
using Levels = std::vector<std::uint16_t>;
using Phi = std::vector<double>;

constexpr std::size_t most_levels = std::size_t{1} << 16;
constexpr double least_class_loss = 0.001; // added before the logarithm
const std::string column_prefix = "column:";

// Gives the examples their levels, of so many.
void place(Signal& signal, Levels level, std::size_t levels) {
    signal.level = std::move(level);
    signal.examples.assign(levels, 0);
    for (const std::uint16_t l : signal.level) ++signal.examples[l];
}

bool varies(const Signal& signal, const Phi& phi) {
    const double* first = nullptr;
    for (std::size_t l = 0; l < phi.size(); ++l) {
        if (signal.examples[l] == 0) continue;
        if (first && phi[l] != *first) return true;
        first = &phi[l];
    }
    return false;
}

// The sum over the examples.
double sum(const Signal& signal, const Phi& phi) {
    return std::inner_product(phi.begin(), phi.end(), signal.examples.begin(), 0.0);
}

// Less the mean over the examples.
Phi centred(const Signal& signal, Phi phi) {
    const double mean = sum(signal, phi) / static_cast<double>(signal.level.size());
    for (double& value : phi) value -= mean;
    return phi;
}

// Mean 0 and variance 1 over the examples; 0 where they are all alike.
Phi standardised(const Signal& signal, Phi phi) {
    if (!varies(signal, phi)) return Phi(phi.size(), 0);
    phi = centred(signal, std::move(phi));
    Phi squares(phi);
    for (double& value : squares) value *= value;
    const double deviation = std::sqrt(sum(signal, squares) / static_cast<double>(signal.level.size()));
    for (double& value : phi) value /= deviation;
    return phi;
}

// Words: one φ a value, 1 for its examples and 0 for the others, less the mean.
void add_words(Signal& signal, const Column& column) {
    const std::size_t words = column.words.size();
    EXPECT(words <= most_levels);
    Levels level;
    for (const double value : column.value) level.push_back(static_cast<std::uint16_t>(value));
    place(signal, std::move(level), words);
    for (std::size_t word = 0; word < words; ++word) {
        Phi phi(words, 0);
        phi[word] = 1;
        signal.features.push_back({word_weight(column.name, column.words[word]), 1, centred(signal, std::move(phi))});
    }
}

// Numbers: standardised. Where there are more different ones than levels, neighbours share a level and their mean.
void add_numbers(Signal& signal, const Column& column) {
    const std::vector<double>& value = column.value;
    std::vector<std::uint32_t> order(value.size());
    std::iota(order.begin(), order.end(), 0U);
    std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) { return value[a] < value[b]; });
    std::vector<std::size_t> place_of(order.size(), 0); // among the different values
    for (std::size_t i = 1; i < order.size(); ++i)
        place_of[i] = place_of[i - 1] + (value[order[i]] != value[order[i - 1]]);
    const std::size_t different = place_of.back() + 1, levels = std::min(different, most_levels);
    Levels level(value.size());
    Phi phi(levels, 0);
    for (std::size_t i = 0; i < order.size(); ++i) {
        const std::size_t l = place_of[i] * levels / different;
        level[order[i]] = static_cast<std::uint16_t>(l);
        phi[l] += value[order[i]];
    }
    place(signal, std::move(level), levels);
    for (std::size_t l = 0; l < levels; ++l) phi[l] /= signal.examples[l];
    signal.features.push_back({column_prefix + column.name, 1, standardised(signal, std::move(phi))});
}

Signal column_signal(const Column& column) {
    Signal signal{Source::column, {}, {}, {}};
    column.words.empty() ? add_numbers(signal, column) : add_words(signal, column);
    return signal;
}

Signal class_signal(std::span<const std::int32_t> label, std::int64_t classes) {
    VALIDATE(classes <= static_cast<std::int64_t>(most_levels), ExitCode::usage, "exploration.signals has \"class\" (",
             classes, " classes are more than the ", most_levels, " that it can tell apart): leave it out");
    Signal signal{Source::classes, {{"class.size", 1, {}}, {"class.loss", 1, {}}}, {}, {}};
    place(signal, {label.begin(), label.end()}, static_cast<std::size_t>(classes));
    Phi size;
    for (const std::uint32_t examples : signal.examples) size.push_back(examples > 0 ? portable_log(examples) : 0);
    signal.features[0].phi = centred(signal, std::move(size));
    return signal;
}

// The logarithm of a class's loss on the reward set, less the mean. A class that isn't there is like the mean.
Phi class_losses(const Signal& signal, std::span<const double> loss) {
    Phi phi(loss.size(), 0);
    double total = 0, examples = 0;
    for (std::size_t c = 0; c < phi.size(); ++c) {
        if (std::isnan(loss[c])) continue;
        phi[c] = portable_log(loss[c] + least_class_loss);
        total += signal.examples[c] * phi[c];
        examples += signal.examples[c];
    }
    for (std::size_t c = 0; c < phi.size(); ++c)
        if (!std::isnan(loss[c]) && examples > 0) phi[c] -= total / examples;
    return phi;
}

// The saved name of a column's hash, by its place among the columns.
std::string hash_name(std::size_t column) {
    return "column_hash_" + std::to_string(column);
}

std::int64_t column_hash(const Signal& column) {
    std::uint64_t hash = hash_of(std::span<const std::uint16_t>(column.level));
    for (const Signal::Feature& feature : column.features) {
        hash = combine_hashes(hash, hash_of(std::span<const char>(feature.name)));
        hash = combine_hashes(hash, hash_of(std::span<const double>(feature.phi)));
    }
    return static_cast<std::int64_t>(hash);
}

void check_column(const Signal& column, std::int64_t saved_hash) {
    const std::string& weight = column.features[0].name;
    VALIDATE(column_hash(column) == saved_hash, ExitCode::data, weight.substr(0, weight.find('=')),
             " has other values than when the run began (data.signals): give the file that it began with");
}

} // namespace

std::string word_weight(const std::string& column, const std::string& word) {
    return column_prefix + column + "=" + word;
}

std::vector<std::string> columns_of(std::span<const std::string> names) {
    VALIDATE(!names.empty(), ExitCode::usage,
             "exploration.signals is empty (a policy needs something to go by): name some, such as [\"loss\", "
             "\"class\"]");
    std::vector<std::string> columns;
    std::set<std::string> seen;
    for (const std::string& name : names) {
        VALIDATE(seen.insert(name).second, ExitCode::usage, "exploration.signals has \"", name,
                 "\" twice: leave one out");
        if (name.starts_with(column_prefix) && name.size() > column_prefix.size()) {
            columns.push_back(name.substr(column_prefix.size()));
            VALIDATE(columns.back().find_first_of("=/") == std::string::npos, ExitCode::usage,
                     "exploration.signals has \"", name,
                     "\" (a column's name has no \"=\" and no \"/\"): give column:NAME for all values of signals/NAME");
        } else
            VALIDATE(name == "loss" || name == "class" || name == "score" || name == "count", ExitCode::usage,
                     "exploration.signals has \"", name,
                     "\" (no such signal): give loss, class, score, count or column:NAME");
    }
    return columns;
}

Signals::Signals(std::span<const std::string> names, std::span<const std::int32_t> label, std::int64_t classes,
                 std::span<const Column> columns)
    : training_images_(static_cast<std::uint32_t>(label.size())), losses_(0) {
    (void)columns_of(names);
    for (const std::string& name : names) {
        if (name == "loss") {
            losses_ = LossRanks(training_images_);
            signals_.push_back(
                {Source::loss, {{"loss.rank", 1, {}}, {"loss.extremes", 0.7, {}}}, losses_.levels(), {}});
        } else if (name == "class") {
            class_loss_.assign(static_cast<std::size_t>(classes), std::numeric_limits<double>::quiet_NaN());
            signals_.push_back(class_signal(label, classes));
        } else if (name == "score") {
            signals_.push_back({Source::score, {{"score", 1, {}}}, Levels(training_images_, neutral_level), {}});
        } else if (name == "count") {
            signals_.push_back({Source::count, {{"count", 1, {}}}, Levels(training_images_, 0), {}});
        } else {
            const auto column = std::find_if(columns.begin(), columns.end(),
                                             [&](const Column& c) { return column_prefix + c.name == name; });
            EXPECT(column != columns.end());
            EXPECT(column->value.size() == training_images_);
            signals_.push_back(column_signal(*column));
        }
        set_phi(signals_.back());
    }
}

// φ from the levels, and from the classes' losses.
void Signals::set_phi(Signal& signal) const {
    Phi phi;
    switch (signal.source) {
    case Source::loss:
        place(signal, std::move(signal.level), LossRanks::quantiles + 1);
        for (std::uint32_t level = 0; level <= LossRanks::quantiles; ++level) phi.push_back(LossRanks::rank(level));
        signal.features[1].phi.assign(phi.size(), 0); // and so at level 0
        for (std::size_t level = 1; level < phi.size(); ++level)
            signal.features[1].phi[level] = 1.5 * (phi[level] * phi[level] - 1.0 / 3);
        signal.features[0].phi = std::move(phi);
        break;
    case Source::classes:
        signal.features[1].phi = class_losses(signal, class_loss_);
        break;
    case Source::score:
        place(signal, std::move(signal.level), score_levels);
        for (std::uint32_t level = 0; level < score_levels; ++level) phi.push_back(scaled_score_of(level));
        signal.features[0].phi = standardised(signal, std::move(phi));
        break;
    case Source::count:
        phi.resize(std::size_t{*std::max_element(signal.level.begin(), signal.level.end())} + 1);
        std::iota(phi.begin(), phi.end(), 0);
        place(signal, std::move(signal.level), phi.size());
        signal.features[0].phi = standardised(signal, std::move(phi));
        break;
    case Source::column:
        break;
    }
}

std::vector<std::string> Signals::weight_names() const {
    std::vector<std::string> names;
    for (const Signal& signal : signals_)
        for (const Signal::Feature& feature : signal.features) names.push_back(feature.name);
    return names;
}

std::vector<double> Signals::scales() const {
    std::vector<double> scales;
    for (const Signal& signal : signals_)
        for (const Signal::Feature& feature : signal.features) scales.push_back(feature.scale);
    return scales;
}

std::vector<std::uint8_t> Signals::vary() const {
    std::vector<std::uint8_t> vary;
    for (const Signal& signal : signals_)
        for (const Signal::Feature& feature : signal.features) vary.push_back(varies(signal, feature.phi));
    return vary;
}

void Signals::observe(std::span<const std::uint32_t> index, std::span<const float> loss) {
    if (losses_.training_images() > 0) losses_.observe(index, loss);
}

void Signals::close_round(std::span<const double> class_loss, const Tally& tally) {
    losses_.close_round();
    for (Signal& signal : signals_)
        if (signal.source == Source::loss) signal.level = losses_.levels();
    update(class_loss, tally);
}

void Signals::restore(std::span<const double> class_loss, std::span<const std::uint8_t> loss_level,
                      const Tally& tally) {
    for (Signal& signal : signals_)
        if (signal.source == Source::loss) {
            EXPECT(loss_level.size() == signal.level.size());
            signal.level.assign(loss_level.begin(), loss_level.end());
        }
    update(class_loss, tally);
}

// All but the levels of the losses.
void Signals::update(std::span<const double> class_loss, const Tally& tally) {
    if (!class_loss_.empty()) {
        EXPECT(class_loss.size() == class_loss_.size());
        class_loss_.assign(class_loss.begin(), class_loss.end());
    }
    for (Signal& signal : signals_) {
        if (signal.source == Source::score)
            for (std::uint32_t x = 0; x < training_images_; ++x)
                signal.level[x] = static_cast<std::uint16_t>(score_level(score(tally.credit()[x], tally.draws()[x])));
        if (signal.source == Source::count)
            std::transform(tally.count().begin(), tally.count().end(), signal.level.begin(), [](std::size_t count) {
                return static_cast<std::uint16_t>(std::min(count, most_levels - 1));
            });
        set_phi(signal);
    }
}

std::vector<std::uint8_t> Signals::loss_levels() const {
    for (const Signal& signal : signals_)
        if (signal.source == Source::loss) return {signal.level.begin(), signal.level.end()};
    return {};
}

// Scores and counts are those of the last round's end: their levels are saved.
void Signals::save(NamedArrays& arrays) const {
    losses_.save(arrays);
    arrays["class_loss"] = class_loss_;
    std::size_t columns = 0;
    for (const Signal& signal : signals_) {
        if (signal.source == Source::score || signal.source == Source::count)
            arrays["signal_" + signal.features[0].name] =
                std::vector<std::uint32_t>(signal.level.begin(), signal.level.end());
        if (signal.source == Source::column)
            arrays[hash_name(columns++)] = std::vector<std::int64_t>{column_hash(signal)};
    }
}

void Signals::load(const NamedArrays& arrays) {
    const auto require = [](bool ok) {
        VALIDATE(ok, ExitCode::checkpoint, "the signals in the checkpoint are impossible (damaged file?)");
    };
    losses_.load(arrays);
    class_loss_ = array<double>(arrays, "class_loss", class_loss_.size());
    require(std::all_of(class_loss_.begin(), class_loss_.end(), [](double l) { return std::isnan(l) || l >= 0; }));
    std::size_t columns = 0;
    for (Signal& signal : signals_) {
        if (signal.source == Source::score || signal.source == Source::count) {
            const auto& level = array<std::uint32_t>(arrays, "signal_" + signal.features[0].name, training_images_);
            const std::size_t levels = signal.source == Source::score ? score_levels : most_levels;
            require(std::all_of(level.begin(), level.end(), [&](std::uint32_t l) { return l < levels; }));
            signal.level.assign(level.begin(), level.end());
        }
        if (signal.source == Source::loss) signal.level = losses_.levels();
        if (signal.source == Source::column)
            check_column(signal, array<std::int64_t>(arrays, hash_name(columns++), 1)[0]);
        set_phi(signal);
    }
}

} // namespace autosampling
