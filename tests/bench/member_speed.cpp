// Images a second of one member, trained and evaluated as in a run: crops, batches and steps of 128 (evaluation: 64).
//
//   member_speed NETWORK [fp32|bf16] [REPEATS]      ->  one line of JSON: median, least and most of REPEATS repeats
//
// Random images of CIFAR's shape, one thread. Compare only figures of one machine that alternate in time.
#include "autosampling/base/error.hpp"
#include "autosampling/training/trainer.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <numeric>

namespace {

using namespace autosampling;

constexpr std::int64_t batch_size = 128;
constexpr double wanted_seconds = 1.5; // of one repeat

// 10,000 images of random bytes, all of them training and reward examples.
struct RandomImages {
    std::vector<std::uint8_t> bytes;
    std::vector<std::int32_t> labels;
    Dataset dataset;
    Split split;

    RandomImages() : bytes(10000 * Shape{32, 32, 3}.values()), labels(10000) {
        RandomStream stream({.purpose = Purpose::synthetic}, 0);
        std::ranges::generate(bytes, [&] { return static_cast<std::uint8_t>(stream.below(256)); });
        std::ranges::generate(labels, [&] { return static_cast<std::int32_t>(stream.below(10)); });
        dataset.facts.shape = {32, 32, 3};
        dataset.facts.classes = 10;
        dataset.facts.mean = dataset.facts.std = {0.5, 0.5, 0.5};
        dataset.training = dataset.test = {
            labels.size(), bytes, labels, {}, make_image_source(bytes, dataset.facts, Augmentation::crop_flip)};
        std::vector<std::uint32_t> rows(labels.size());
        std::iota(rows.begin(), rows.end(), 0U);
        split.training = split.reward = split.test = {rows, labels, labels};
    }
};

template<class Work>
double seconds_of(Work&& work) {
    const auto start = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Prints `name`: [median, least, most] images/s of `work`, which takes so many images.
template<class Work>
void measure(const char* name, std::size_t images, std::size_t repeats, Work&& work) {
    work();
    const int times = std::max(1, static_cast<int>(wanted_seconds / seconds_of(work)));
    std::vector<double> rates;
    while (rates.size() < repeats) {
        const double seconds = seconds_of([&] {
            for (int i = 0; i < times; ++i) work();
        });
        rates.push_back(times * static_cast<double>(images) / seconds);
    }
    std::ranges::sort(rates);
    std::printf(", \"%s\": [%.1f, %.1f, %.1f]", name, rates[repeats / 2], rates.front(), rates.back());
    std::fflush(stdout);
}

} // namespace

int main(int argc, char** argv) {
    if (argc < 2) {
        std::fprintf(stderr, "usage: %s NETWORK [fp32|bf16] [REPEATS]\n", argv[0]);
        return static_cast<int>(ExitCode::usage);
    }
    keep_heap();
    set_threads(1);
    const bool bf16 = argc > 2 && std::string(argv[2]) == "bf16";
    const std::size_t repeats = argc > 3 ? std::stoul(argv[3]) : 7;
    const bool large = std::string(argv[1]) == "resnet18";

    TrainerOptions options;
    options.model.name = argv[1];
    options.training.batch_size = batch_size;
    options.precision = bf16 ? Precision::bf16 : Precision::fp32;
    options.total_batches = 1;
    options.training.schedule = RateSchedule::constant;
    const RandomImages images;
    Trainer trainer(options, images.dataset, images.split);

    std::vector<std::uint32_t> order(images.labels.size());
    std::iota(order.begin(), order.end(), 0U);
    const std::span<const std::uint32_t> all(order);
    const auto draws = all.first(static_cast<std::size_t>(batch_size) * (large ? 1 : 10));
    const auto rewards = all.first(large ? 512 : 1024);
    std::printf("{\"network\": \"%s\", \"precision\": \"%s\"", argv[1], bf16 ? "bf16" : "fp32");
    measure("train_img_s", draws.size(), repeats, [&] {
        trainer.train({draws, 0, {.purpose = Purpose::augmentation}});
    });
    measure("eval_img_s", rewards.size(), repeats, [&] { trainer.evaluate(HeldOut::reward, rewards); });
    std::printf("}\n");
}
