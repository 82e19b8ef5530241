// What the draws of a policy cost a cycle, by the number of training examples: of signals of every kind, thinned.
//
//   policy_speed [CYCLES] [EXAMPLES]...    ->  one line of JSON each: microseconds, and over those of the first
//
// Of the cycles a tenth are quicker, whatever else the machine does.
//
// One thread, 34 bytes an example. The program fails where the draws don't follow the policy.
#include "autosampling/base/random.hpp"
#include "autosampling/sampling/policy_distribution.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace {

using namespace autosampling;

constexpr std::uint32_t draws = 2560; // 20 batches of 128
constexpr std::uint64_t seed = 1;
constexpr std::int32_t classes = 1000;
const std::vector<std::string> names{"loss", "class", "column:source"};
// loss.rank, loss.extremes, class.size, class.loss, column:source=a, b, c
const std::vector<double> weight{-1, 0.5, -0.7, 0.3, 0.5, -1, 0};

std::uint64_t bits(std::uint32_t x) {
    return RandomStream({seed, Purpose::synthetic, 0, 0, 0}, x).bits();
}

// Classes from frequent to rare, a source of three, and a loss of every example.
Signals make_signals(std::uint32_t examples) {
    std::vector<std::int32_t> label(examples);
    std::vector<Column> column(1);
    column[0] = {"source", {"a", "b", "c"}, std::vector<double>(examples)};
    for (std::uint32_t x = 0; x < examples; ++x) {
        const double u = static_cast<double>(bits(x)) * 0x1p-32;
        label[x] = static_cast<std::int32_t>(u * u * classes);
        column[0].value[x] = static_cast<double>(bits(x) % 3);
    }
    Signals signals(names, label, classes, column);
    for (std::uint32_t x = 0; x < examples; ++x) {
        const auto loss = static_cast<float>(static_cast<double>(bits(x) % 1009) * 0.01);
        signals.observe({&x, 1}, {&loss, 1});
    }
    std::vector<double> class_loss;
    for (std::int32_t c = 0; c < classes; ++c) class_loss.push_back(0.1 + 0.001 * c);
    signals.close_round(class_loss, Tally({}, 1));
    return signals;
}

// Whether the draws of many cycles have the sources that the policy has.
bool follows(const PolicyDistribution& distribution, const Signals& signals) {
    const Signal& source = signals.all().back();
    const std::vector<double> probability = distribution.probability();
    std::vector<double> expected(3, 0), found(3, 0);
    for (std::size_t x = 0; x < probability.size(); ++x) expected[source.level[x]] += probability[x];
    std::vector<std::uint32_t> out(draws);
    constexpr int cycles = 100;
    std::int64_t position = 0;
    for (int cycle = 0; cycle < cycles; ++cycle) {
        position = distribution.thin(seed, 0, 0, position, out);
        for (const std::uint32_t x : out) found[source.level[x]] += 1.0 / (cycles * draws);
    }
    for (std::size_t word = 0; word < 3; ++word) // 5 standard deviations at most
        if (std::abs(found[word] - expected[word]) > 2.5 / std::sqrt(cycles * draws)) return false;
    return true;
}

double draw_time(const Signals& signals, int cycles) {
    std::vector<double> microseconds;
    std::vector<std::uint32_t> out(draws);
    std::int64_t position = 0;
    for (int cycle = 0; cycle < cycles; ++cycle) {
        const auto start = std::chrono::steady_clock::now();
        position = PolicyDistribution(signals, weight).thin(seed, 0, 0, position, out);
        microseconds.push_back(
            std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count());
    }
    std::nth_element(microseconds.begin(), microseconds.begin() + cycles / 10, microseconds.end());
    return microseconds[static_cast<std::size_t>(cycles / 10)];
}

} // namespace

int main(int argc, char** argv) {
    const int cycles = argc > 1 ? std::max(1, std::atoi(argv[1])) : 200;
    std::vector<std::uint32_t> sizes;
    for (int i = 2; i < argc; ++i) sizes.push_back(static_cast<std::uint32_t>(std::atof(argv[i])));
    if (sizes.empty()) sizes = {50'000, 1'281'167, 10'000'000};
    double first = 0;
    for (const std::uint32_t examples : sizes) {
        const Signals signals = make_signals(examples);
        if (!follows(PolicyDistribution(signals, weight), signals)) {
            std::fprintf(stderr, "with %u training examples the draws don't follow the policy\n", examples);
            return EXIT_FAILURE;
        }
        const double draw = draw_time(signals, cycles);
        if (first == 0) first = draw;
        std::printf("{\"images\": %u, \"draws\": %u, \"draw\": %.1f, \"over_first\": %.2f}\n", examples, draws, draw,
                    draw / first);
        std::fflush(stdout);
    }
    return EXIT_SUCCESS;
}
