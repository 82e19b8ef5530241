// What sampling costs a cycle, beside a plain sampler that rebuilds a cumulative table at each exploration and draws by
// bisection in it. Both live through the same cycles, explored after each one, without perturbation.
//
//   sampling_speed [CYCLES] [EXAMPLES]...    ->  one line of JSON for each number of training examples: median
//                                                microseconds, and the entropy (nats) of the first distribution
//
// One thread. The program fails where the two distributions differ.
#include "autosampling/sampling/sampler.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace {

using namespace autosampling;

constexpr std::uint32_t draws = 2560; // 20 batches of 128
constexpr std::uint64_t seed = 1;

// Winner credit with counts and probabilities in plain arrays.
class PlainSampler {
  public:
    explicit PlainSampler(std::uint32_t images) : count_(images, 0), cumulative_(images) {}

    void draw(std::uint32_t member, std::int64_t cycle, std::span<std::uint32_t> out) const {
        const RandomKey key{seed, Purpose::learned, member, static_cast<std::uint32_t>(cycle), 0};
        for (std::uint32_t slot = 0; slot < out.size(); ++slot) {
            const double wanted = RandomStream(key, slot).real() * cumulative_.back();
            const auto found = std::upper_bound(cumulative_.begin(), cumulative_.end() - 1, wanted);
            out[slot] = static_cast<std::uint32_t>(found - cumulative_.begin());
        }
    }

    void count(std::span<const std::uint32_t> indices) {
        for (const std::uint32_t index : indices) ++count_[index];
        total_ += static_cast<double>(indices.size());
    }

    void estimate() {
        const double mean = total_ / static_cast<double>(count_.size());
        std::vector<double> weight(1 + *std::max_element(count_.begin(), count_.end())); // one logarithm a count
        for (std::size_t c = 0; c < weight.size(); ++c)
            weight[c] = std::log1p((static_cast<double>(c) + 1) / (mean + 1));
        double sum = 0;
        for (std::size_t index = 0; index < count_.size(); ++index) cumulative_[index] = sum += weight[count_[index]];
    }

    double probability(std::size_t index) const {
        return (cumulative_[index] - (index > 0 ? cumulative_[index - 1] : 0)) / cumulative_.back();
    }

  private:
    std::vector<std::uint32_t> count_;
    std::vector<double> cumulative_;
    double total_ = 0;
};

template<class Work>
double microseconds_of(Work&& work) {
    const auto start = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count();
}

class Median {
  public:
    void add(double value) { values_.push_back(value); }
    double value() const {
        auto sorted = values_;
        std::sort(sorted.begin(), sorted.end());
        return sorted[sorted.size() / 2];
    }

  private:
    std::vector<double> values_;
};

Sampler make_sampler(std::uint32_t images, double perturbation, bool explores) {
    ExplorationOptions options;
    options.kind = explores ? ExplorationKind::mixture : ExplorationKind::none;
    options.first_epoch = 0;
    options.interval_cycles = 1;
    options.uniform_epochs = 0;
    options.mixing = Mixing::draws;
    options.perturbation = perturbation;
    return {resolve(options), seed, images, draws, Perturbation(seed, perturbation)};
}

// Two draws an index on average, some indices much more often than others.
Contribution history(std::uint32_t images) {
    Contribution contribution{true, false, 0, std::vector<std::uint32_t>(2 * std::size_t{images})};
    for (std::uint32_t slot = 0; slot < contribution.indices.size(); ++slot) {
        const double u = RandomStream({seed, Purpose::synthetic, 0, 0, 0}, slot).real();
        contribution.indices[slot] = static_cast<std::uint32_t>(u * std::sqrt(u) * images);
    }
    return contribution;
}

bool agree(const Sampler& sampler, const PlainSampler& plain) {
    const std::vector<double> probability = sampler.probability();
    for (std::size_t index = 0; index < probability.size(); ++index) // the plain sums round: 10^8 · 2^-53
        if (std::abs(plain.probability(index) - probability[index]) > 2e-9 + 1e-6 * probability[index]) return false;
    return true;
}

double entropy_of(const std::vector<double>& probability) {
    double entropy = 0;
    for (const double p : probability) entropy -= p * std::log(p);
    return entropy;
}

bool measure(std::uint32_t images, int cycles) {
    Sampler sampler = make_sampler(images, 0, true), perturbed = make_sampler(images, 0.1, true);
    PlainSampler plain(images);
    const Contribution past = history(images);
    plain.count(past.indices);
    sampler.count(0, {past});
    perturbed.count(0, {past});
    for (Sampler* one : {&sampler, &perturbed}) one->adopt(one->estimate());
    plain.estimate();
    if (!agree(sampler, plain)) return false;
    const double entropy = entropy_of(sampler.probability());

    const Sampler uniform = make_sampler(images, 0, false);
    std::vector<std::uint32_t> out(draws), other(draws);
    Median draw, draw_perturbed, draw_uniform, count, estimate, plain_draw, plain_count, plain_estimate;
    for (int cycle = 1; cycle <= cycles; ++cycle) {
        draw.add(microseconds_of([&] { sampler.draw(0, cycle, 0, out); }));
        plain_draw.add(microseconds_of([&] { plain.draw(0, cycle, other); }));
        draw_perturbed.add(microseconds_of([&] { perturbed.draw(0, cycle, 0, other); }));
        draw_uniform.add(microseconds_of([&] { uniform.draw(0, cycle, 0, other); }));
        std::vector<Contribution> contribution{{true, false, 0, out}};
        count.add(microseconds_of([&] { sampler.count(cycle, std::move(contribution)); }));
        plain_count.add(microseconds_of([&] { plain.count(out); }));
        estimate.add(microseconds_of([&] { sampler.adopt(sampler.estimate()); }));
        plain_estimate.add(microseconds_of([&] { plain.estimate(); }));
    }
    if (!agree(sampler, plain)) return false;
    const double all = draw.value() + count.value() + estimate.value();
    const double plain_all = plain_draw.value() + plain_count.value() + plain_estimate.value();
    std::printf(
        "{\"images\": %u, \"draws\": %u, \"entropy\": %.4f, \"draw\": %.1f, \"count\": %.1f, \"estimate\": %.1f, "
        "\"draw_perturbed\": %.1f, \"draw_uniform\": %.1f, \"plain_draw\": %.1f, \"plain_count\": %.1f, "
        "\"plain_estimate\": %.1f, \"plain_over_ours\": %.2f}\n",
        images, draws, entropy, draw.value(), count.value(), estimate.value(), draw_perturbed.value(),
        draw_uniform.value(), plain_draw.value(), plain_count.value(), plain_estimate.value(), plain_all / all);
    std::fflush(stdout);
    return true;
}

} // namespace

int main(int argc, char** argv) {
    const int cycles = argc > 1 ? std::max(1, std::atoi(argv[1])) : 100;
    std::vector<std::uint32_t> sizes;
    for (int i = 2; i < argc; ++i) sizes.push_back(static_cast<std::uint32_t>(std::atof(argv[i])));
    if (sizes.empty()) sizes = {50'000, 1'281'167, 10'000'000};
    for (const std::uint32_t images : sizes)
        if (!measure(images, cycles)) {
            std::fprintf(stderr, "the distributions of the two samplers differ with %u training examples\n", images);
            return EXIT_FAILURE;
        }
    return EXIT_SUCCESS;
}
