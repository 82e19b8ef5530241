// input_speed FILE: how many photographs of a packed file one thread makes training examples of, in a second: decoded,
// cut at random to 224 x 224, flipped and normalised. tests/bench/photographs.py sets it beside torchvision's.
#include "autosampling/data/dataset.hpp"

#include <chrono>
#include <iostream>
#include <numeric>

int main(int argc, char** argv) {
    using namespace autosampling;
    if (argc != 2) {
        std::cerr << "usage: input_speed FILE\n";
        return 2;
    }
    DataOptions options;
    options.name = "packed";
    options.path = argv[1];
    options.augmentation = Augmentation::resized_crop;
    const DatasetPlan plan = plan_dataset(options, 0);
    std::vector<std::byte> memory(plan.bytes());
    load_dataset(plan, memory);
    const Dataset dataset = view_dataset(plan, memory);

    constexpr std::uint32_t batch = 64;
    std::vector<float> out(batch * plan.facts.shape.values());
    std::vector<std::uint32_t> rows(batch);
    std::uint64_t images = 0;
    const auto start = std::chrono::steady_clock::now();
    double seconds = 0;
    for (std::uint32_t first = 0; seconds < 10; first += batch) {
        for (std::uint32_t b = 0; b < batch; ++b)
            rows[b] = (first + b) % static_cast<std::uint32_t>(dataset.training.rows);
        dataset.training.source->fill(rows, AugmentationDraws{{1, Purpose::augmentation, 0, 0, 0}, first}, out);
        images += batch;
        seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    }
    std::cout << static_cast<double>(images) / seconds << '\n';
}
