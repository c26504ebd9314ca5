"""Training data: from files to augmented batches.

    layout.py, classes.py ─► prepared.py ─► split.py ─► crops.py ─► samples.py ─► sampler.py
    elastic_grid.py, instance_boxes.py ─► augmentation.py (on the device)
    prepare/ turns files into the prepared layout, the only part that reads image files; tiny.py simulates one

How the loop uses it (no SimpleITK, MONAI or lightning is imported; import from the modules themselves):

    classes = ClassMap({1: 0, 2: 0, 3: 0, 4: 0, 7: 0})
    cases = open_split(folder, "training", classes, split_file="dataset.json", sample_rate=1.0)
    samples = CropSamples(cases, SamplingSettings(), classes, seed)            # Dataset of pairs of crops
    batches = EpochBatches(len(samples), batch_size, seed, rank, world_size)   # batch sampler
    loader = DataLoader(samples, batch_sampler=batches, collate_fn=collate, num_workers=w,
                        persistent_workers=w > 0, pin_memory=cuda)
    batches.start(epoch, step)                  # before iter(loader); step > 0 goes on in mid-epoch
    for step, crops in enumerate(loader, start=step):                          # up to batches.steps
        generator = batch_generator(seed, epoch, step, rank)
        batch = make_batch(crops, AugmentationSettings(), device, generator)   # training.batch.TrainingBatch

    cases = open_split(folder, "test", classes, sample_rate=0.5)               # validation
    for case in shard(cases, rank, world_size):
        ct, boxes, mask = case.ct(), case.boxes(classes), case.instance_map(classes)

    make_tiny_dataset(folder, TinySettings(), seed)                            # the data of `smoke`

A batch has 2 * batch_size patches. Lightning must not replace the sampler (use_distributed_sampler=False).
Every sample is a pure function of (seed, epoch, position), every augmentation of (seed, epoch, step, rank):
no state lives in workers, in the sampler's iterator or in global generators, and how far workers have read
ahead does not matter. `open_split` raises one `case.dataset.DatasetError` (an InputError, exit status 2) that
lists everything wrong with the data set.
"""
