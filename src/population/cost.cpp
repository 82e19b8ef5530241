#include "autosampling/population/cost.hpp"

#include "autosampling/base/error.hpp"
#include "autosampling/base/stopwatch.hpp"
#include "autosampling/options/configuration.hpp"
#include "autosampling/population/carrier.hpp"
#include "autosampling/training/choose_batches.hpp"
#include "autosampling/training/trainer.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <iomanip>
#include <numeric>

namespace autosampling {
namespace {

constexpr double forward_share = 1.0 / 3; // of a training step: the backward pass takes about twice the forward pass

// The median of at least three, after one to warm up, and of as many more as there are within two seconds.
double median_seconds(const std::function<void()>& action) {
    std::vector<double> seconds;
    double total = 0;
    action();
    while (seconds.size() < 3 || total < 2) {
        seconds.push_back(seconds_of(action));
        total += seconds.back();
    }
    std::ranges::nth_element(seconds, seconds.begin() + std::ssize(seconds) / 2);
    return seconds[seconds.size() / 2];
}

std::vector<std::uint32_t> first_examples(std::int64_t count) {
    std::vector<std::uint32_t> examples(static_cast<std::size_t>(count));
    std::iota(examples.begin(), examples.end(), 0U);
    return examples;
}

} // namespace

Speed measure_speed(const Options& options, const Plan& plan, const Dataset& dataset, const Split& split) {
    set_threads(static_cast<int>(options.run.threads));
    keep_heap();
    const at::Device device = choose_device(options.run.device, 0);
    check_precisions(options, device);
    prepare_device(device, options.run.deterministic);
    TrainerOptions part{.model = options.model,
                        .training = options.training,
                        .precision = options.run.precision,
                        .reward_precision = reward_precision_of(options),
                        .device = device,
                        .batches = choose_batches(std::array{gpu_facts(device)}, resident_bytes(dataset)).kind,
                        .cuda_graphs = options.run.cuda_graphs,
                        .seed = options.run.seed,
                        .total_batches = plan.total_batches};
    part.training.batch_size /= options.population.ranks_per_member;
    part.training.learning_rate = 0; // the same step again and again
    Trainer trainer(part, dataset, split);
    const auto batch = first_examples(part.training.batch_size);
    const auto evaluated = first_examples(std::min<std::int64_t>(Trainer::evaluation_batch, plan.reward_images));
    Speed speed;
    speed.step_seconds =
        median_seconds([&] { trainer.train({.indices = batch, .augmentation = {.purpose = Purpose::augmentation}}); });
    speed.evaluation_seconds = median_seconds([&] { trainer.evaluate(HeldOut::reward, evaluated); }) *
                               Trainer::evaluation_batch / static_cast<double>(evaluated.size());
    return speed;
}

Speed speed_at(double examples_per_second, const Options& options) {
    const std::int64_t batch = options.training.batch_size / options.population.ranks_per_member;
    return {static_cast<double>(batch) / examples_per_second,
            forward_share * Trainer::evaluation_batch / examples_per_second};
}

double device_hours(const Options& options, const Plan& plan, const Speed& speed) {
    const auto evaluation = [&](std::int64_t examples) {
        return static_cast<double>(examples) / Trainer::evaluation_batch * speed.evaluation_seconds;
    };
    const double steps = static_cast<double>(plan.batches_per_cycle * options.population.ranks_per_member);
    const double cycle = steps * speed.step_seconds + evaluation(plan.reward_images_per_cycle);
    const double tests = options.training.epochs * evaluation(plan.test_images);
    return (static_cast<double>(plan.members * plan.cycles) * cycle + tests) / 3600;
}

std::string describe(const Options& options, const Plan& plan, const Speed& speed) {
    std::ostringstream line;
    line << std::setprecision(3) << "time        " << speed.step_seconds << " s a batch"
         << (options.population.ranks_per_member > 1 ? " of each of a member's ranks" : "") << ", "
         << speed.evaluation_seconds << " s to evaluate " << Trainer::evaluation_batch
         << " examples: " << device_hours(options, plan, speed) << " device hours, without exchange, waiting and files";
    return std::move(line).str();
}

} // namespace autosampling
